// A job of collectives as JSON. Key order is fixed: the same job gives the same bytes, `wall_s` apart.
#include <nlohmann/json.hpp>

#include <ostream>

#include "reports/collective_report.hpp"
#include "reports/value_json.hpp"
#include "scenarios/version.hpp"

namespace rehearse {
namespace {

using Json = nlohmann::ordered_json;

/// `num_nodes` is the number of ranks, as the tables of collective algorithms in this field have it.
Json point_json(const CollectivePoint& p) {
  Json json{{"algorithm", p.algorithm},
            {"protocol", protocol_name(p.protocol)},
            {"channels", p.channels},
            {"chunks", p.chunks},
            {"num_nodes", p.ranks},
            {"nodes", p.nodes},
            {"bytes", p.bytes.value()},
            {"elements", p.elements},
            {"count", p.count()},
            {"fidelity", p.fluid ? "fluid" : "flow"},
            {"time", p.time.value()},
            {"time_us", p.time.value() * 1e6},
            {"start_s", p.start.value()},
            {"algbw_gbps", p.algbw() / 1e9},
            {"busbw_gbps", p.busbw() / 1e9},
            {"flows", p.flows}};
  if (p.measured) {
    json["measured_s"] = p.measured->time.value();
    json["wrong"] = p.measured->wrong_elements;
  }
  return json;
}

}  // namespace

void write_collective_json(const CollectiveResult& result, std::ostream& out) {
  Json points = Json::array();
  for (const CollectivePoint& point : result.points) points.push_back(point_json(point));
  const Value& resolved = result.job.resolved;
  Json json{{"version", version()}};
  for (std::size_t i = 0; i < resolved.keys.size(); ++i) json[resolved.keys[i]] = value_json(resolved.items[i]);
  json["results"] = std::move(points);
  json["wall_s"] = result.wall.value();
  out << json.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
}

}  // namespace rehearse
