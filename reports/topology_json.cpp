// The figures of networks as JSON. Key order is fixed: the same job gives the same bytes, `wall_s` apart.
#include <nlohmann/json.hpp>

#include <ostream>

#include "reports/topology_report.hpp"
#include "reports/value_json.hpp"
#include "scenarios/version.hpp"

namespace rehearse {
namespace {

using Json = nlohmann::ordered_json;

Json spread_json(const Spread& spread) {
  return {{"least", spread.least}, {"mean", spread.mean}, {"most", spread.most}};
}

Json paths_json(const PathMetrics& paths) {
  return {{"sources", paths.sources},
          {"diameter", paths.diameter()},
          {"mean_distance", paths.mean_distance()},
          {"pairs_by_distance", paths.pairs},
          {"unreachable_pairs", paths.unreachable},
          {"shortest_paths", spread_json(paths.shortest_paths)}};
}

Json cables_json(const TopologySurvey& survey) {
  Json array = Json::array();
  for (const CableKind& kind : survey.kinds)
    array.push_back({{"kind", kind.name},
                     {"count", kind.count},
                     {"bandwidth_bytes_per_s", kind.bandwidth.value()},
                     {"latency_s", kind.latency.value()}});
  return array;
}

Json bisection_json(const Bisection& bisection) {
  return {{"exact", bisection.exact()},
          {"at_most_bytes_per_s", bisection.at_most.value()},
          {"at_least_bytes_per_s", bisection.at_least.value()},
          {"half_injection_bytes_per_s", bisection.half_injection.value()},
          {"fraction", bisection.fraction()},
          {"every_half_tried", bisection.every_half}};
}

Json pattern_json(const LoadedPattern& pattern, const Topology& topology) {
  return {{"flows_per_endpoint", pattern.flows},
          {"link", topology.link_name(pattern.link)},
          {"link_class", topology.link(pattern.link).link_class},
          {"flows_on_link", pattern.most_flows},
          {"endpoint_bytes_per_s", pattern.endpoint_rate.value()},
          {"throughput", pattern.throughput}};
}

Json load_json(const RoutedLoad& load, const Topology& topology) {
  Json worst = pattern_json(load.worst_shift, topology);
  worst["shift"] = load.worst_shift_by;
  return {{"shifts", load.shifts},
          {"all_to_all", pattern_json(load.all_to_all, topology)},
          {"worst_shift", std::move(worst)},
          {"random_permutation", pattern_json(load.permutation, topology)}};
}

Json cost_json(const TopologyCost& cost, const TopologySurvey& survey) {
  const double gigabytes = survey.bisection.at_most.value() / 1e9;
  return {{"total", cost.total()},
          {"switches", cost.switches},
          {"ports", cost.ports},
          {"cables", cost.cables},
          {"endpoints", cost.endpoints},
          {"per_endpoint", cost.total() / survey.endpoints},
          {"per_gb_per_s_of_bisection", gigabytes > 0 ? Json(cost.total() / gigabytes) : Json()}};
}

Json part_json(const TopologyPart& part, const TopologyPartResult& result) {
  const TopologySurvey& s = result.survey;
  Json json{{"what", part.what},
            {"node", part.node.empty() ? Json() : Json(part.node)},
            {"topology", part.name},
            {"routing", part.routing},
            {"endpoints", s.endpoints},
            {"switches", s.switches},
            {"cables", s.cables},
            {"switch_ports", s.switch_ports},
            {"radix", {{"least", s.least_radix}, {"most", s.most_radix}}},
            {"endpoint_degree", {{"least", s.least_degree}, {"most", s.most_degree}}},
            {"injection_bytes_per_s", s.injection.value()},
            {"cable_kinds", cables_json(s)},
            {"paths", paths_json(s.paths)},
            {"switch_paths", s.between_switches ? paths_json(*s.between_switches) : Json()},
            {"disjoint_paths", Json()},
            {"bisection", bisection_json(s.bisection)},
            {"load", s.load ? load_json(*s.load, part.topology) : Json()},
            {"cost", result.cost ? cost_json(*result.cost, s) : Json()}};
  if (s.disjoint) {
    json["disjoint_paths"] = spread_json(s.disjoint->paths);
    json["disjoint_paths"]["between"] = s.disjoint->between_switches ? "switches" : "endpoints";
    json["disjoint_paths"]["pairs"] = s.disjoint->pairs;
    json["disjoint_paths"]["all_pairs"] = s.disjoint->all;
  }
  return json;
}

}  // namespace

void write_topology_json(const TopologyResult& result, std::ostream& out) {
  const TopologyJob& job = result.job;
  Json parts = Json::array();
  for (std::size_t i = 0; i < job.parts.size(); ++i) parts.push_back(part_json(job.parts[i], result.parts[i]));
  Json json{{"name", job.name}, {"version", version()}};
  if (job.cluster) {
    json["nodes"] = job.cluster->node_count();
    Json groups = Json::array();
    for (const NodeGroup& group : job.cluster->groups())
      groups.push_back({{"nodes", group.nodes},
                        {"name", group.node.name},
                        {"gpus", group.node.gpus},
                        {"device", group.node.device_name},
                        {"nics", group.node.nics},
                        {"nic_bandwidth_bytes_per_s", group.node.nic_bandwidth.value()}});
    json["groups"] = std::move(groups);
  }
  json["networks"] = std::move(parts);
  json[job.cluster ? "cluster" : "topology"] = value_json(job.resolved);
  json["wall_s"] = result.wall.value();
  out << json.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
}

}  // namespace rehearse
