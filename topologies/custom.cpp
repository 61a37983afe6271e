// custom: the graph that the YAML or a file of Graphviz says.
//
//   topology: custom
//   vertices: [s0, {name: s1, group: 1}]     switches; `group` (default 0) is what valiant and ugal take for groups of
//   a
//                                            dragonfly. {name: host3, endpoint: 3}: another name for endpoint3
//   links:
//     - from: endpoint0        endpoints are endpoint0, endpoint1, ...; between the GPUs of a node gpu0, gpu1, ... too
//       to: s0
//       bandwidth: 50 GB/s     one direction; default: `bandwidth` of the topology
//       latency: 500 ns        default: `latency` of the topology
//       class: port            what reports call such links; default: port where an endpoint meets a switch, else link
//       count: 2               so many cables side by side; default 1
//       one_way: true          a link from `from` to `to` and none back; default: a cable, both directions
//   bandwidth: 50 GB/s         of links without their own; default: the endpoint's port
//   latency: 500 ns            likewise
// or, instead of vertices and links,
//   graphviz: FILE.dot         beside the YAML file that names it (custom_graphviz.hpp)
//
// Links 2c and 2c + 1 are the directions of cable c; one-way links stand after all cables.
#include <filesystem>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "topologies/custom_graphviz.hpp"
#include "topologies/parameters.hpp"
#include "topologies/routing/graph.hpp"

namespace rehearse {
namespace {

constexpr std::int64_t most_cables = 1 << 22;

bool is_endpoint_name(const std::string& name) {
  constexpr std::string_view prefix = "endpoint";
  return name.size() > prefix.size() && name.starts_with(prefix) &&
         name.find_first_not_of("0123456789", prefix.size()) == std::string::npos;
}

// Reads vertices and links into a topology; notes faults.
class CustomGraph {
 public:
  CustomGraph(const TopologyRequest& request, TopologyLink defaults) : defaults_(std::move(defaults)) {
    for (std::uint32_t e = 0; e < request.endpoints; ++e) {
      const std::string name = "endpoint" + std::to_string(e);
      numbers_[name] = add_vertex(topology_, {name, true});
      if (!request.endpoint_alias.empty()) numbers_[std::string(request.endpoint_alias) + std::to_string(e)] = e;
    }
    last_endpoint_ = "endpoint" + std::to_string(request.endpoints - 1);
  }

  Topology read(Reader& params) {
    Reader vertices = params.child("vertices"), links = params.child("links");
    if (params.has("vertices"))
      for (Reader& vertex : vertices.items()) read_vertex(vertex);
    std::vector<Reader> items;
    if (params.has("links")) items = links.items();
    if (items.empty())
      params.fault("links", "a custom topology needs at least one link, such as {from: endpoint0, to: s0}");
    for (Reader& link : items) read_link(link);
    for (const OneWay& link : one_way_)
      topology_.edges.push_back(boost::add_edge(link.from, link.to, link.link, topology_.graph).first);
    if (!params.any_fault()) check_degrees(params);
    if (!params.any_fault()) check_connected(params);
    return std::move(topology_);
  }

 private:
  struct OneWay {
    std::uint32_t from, to;
    TopologyLink link;
  };

  void read_vertex(Reader& at) {
    const bool mapping = at.is_mapping();
    const std::string name = mapping ? at.get<std::string>("name") : at.as<std::string>();
    const auto group = mapping ? static_cast<std::uint32_t>(at.get_at_least("group", 0, 0)) : 0u;
    if (mapping && at.has("endpoint")) return read_other_name(at, name, group);
    if (name.empty()) {
      if (at.is_scalar() || at.child("name").is_scalar()) at.fault("a vertex needs a name");
      return;
    }
    const auto known = numbers_.find(name);
    if (is_endpoint_name(name) && known == numbers_.end())
      return at.fault("'" + name + "' is none of the endpoints, which are endpoint0 to " + last_endpoint_);
    if (!declared_.insert(name).second) return at.fault("the vertex '" + name + "' stands twice");
    if (known != numbers_.end())
      topology_.graph[known->second].group = group;
    else
      numbers_[name] = add_vertex(topology_, {name, false, group});
  }

  void read_other_name(Reader& at, const std::string& name, std::uint32_t group) {
    const std::int64_t endpoint = at.get_at_least("endpoint", 0);
    if (endpoint >= static_cast<std::int64_t>(topology_.endpoints.size()))
      return at.fault("endpoint",
                      "the endpoints are endpoint0 to " + last_endpoint_ + ", found " + std::to_string(endpoint));
    const std::string own = "endpoint" + std::to_string(endpoint);
    const auto known = numbers_.find(name);
    if (known != numbers_.end() && known->second != numbers_[own])
      return at.fault("the vertex '" + name + "' stands twice");
    if (!declared_.insert(own).second) return at.fault("endpoint", own + " has another name already");
    declared_.insert(name);
    numbers_[name] = numbers_[own];
    topology_.graph[numbers_[own]].group = group;
  }

  // The vertex that the key names; none after a fault.
  std::optional<std::uint32_t> read_end(Reader& link, std::string_view key) {
    const auto name = link.get<std::string>(key);
    if (const auto known = numbers_.find(name); known != numbers_.end()) return known->second;
    if (name.empty()) {
      if (link.has(key) && link.child(key).is_scalar()) link.fault(key, "a link to a vertex without name");
      return std::nullopt;
    }
    std::vector<std::string> names;
    for (std::size_t v = 0; v < boost::num_vertices(topology_.graph); ++v) names.push_back(topology_.graph[v].name);
    const std::string nearest = nearest_name(name, names);
    link.fault(key, "a link to an unknown vertex, '" + name + "'" +
                        (nearest.empty() ? "" : "; did you mean '" + nearest + "'?") +
                        " (expected one of `vertices`, or endpoint0 to " + last_endpoint_ + ")");
    return std::nullopt;
  }

  TopologyLink read_properties(Reader& at) {
    TopologyLink link{at.get<std::string>("class", ""),
                      at.get_positive<BytesPerSecond>("bandwidth", defaults_.bandwidth),
                      at.get<Seconds>("latency", defaults_.latency)};
    if (link.latency < Seconds(0))
      at.fault("latency", "expected zero or more, found '" + at.value().find("latency")->text + "'");
    return link;
  }

  void read_link(Reader& at) {
    const std::optional<std::uint32_t> from = read_end(at, "from"), to = read_end(at, "to");
    TopologyLink link = read_properties(at);
    const std::int64_t count = at.get_at_least("count", 1, 1);
    const bool one_way = at.get<bool>("one_way", false);
    if (!from || !to) return;
    if (*from == *to) return at.fault("a link from '" + topology_.graph[*from].name + "' to itself");
    cables_ += std::min(count, most_cables + 1);
    if (cables_ > most_cables)
      return at.fault("count", "there would be over " + std::to_string(most_cables) + " cables");
    if (link.link_class.empty())
      link.link_class = topology_.graph[*from].is_endpoint != topology_.graph[*to].is_endpoint ? "port" : "link";
    for (std::int64_t i = 0; i < count; ++i) {
      if (one_way)
        one_way_.push_back({*from, *to, link});
      else
        add_cable(topology_, *from, *to, link);
    }
  }

  void check_degrees(Reader& params) {
    std::vector<bool> linked(boost::num_vertices(topology_.graph), false);
    for (const TopologyEdge& edge : topology_.edges)
      linked[boost::source(edge, topology_.graph)] = linked[boost::target(edge, topology_.graph)] = true;
    for (std::size_t v = 0; v < linked.size(); ++v)
      if (!linked[v]) params.fault("links", "none of them joins '" + topology_.graph[v].name + "' to anything");
  }

  // Two endpoints of which one cannot reach the other: all reach the first and it reaches all, or one of them is it.
  void check_connected(Reader& params) {
    const RoutingGraph graph(topology_, {});
    const RoutingGraph::Distances from = graph.from(graph.vertex_of(0)), to = graph.to(graph.vertex_of(0));
    const auto cut = [&](const std::string& one, const std::string& other) {
      params.fault("links", "there is no way from " + one + " to " + other);
    };
    for (const std::uint32_t v : topology_.endpoints) {
      const std::string& name = topology_.graph[v].name;
      if ((*from)[v] == RoutingGraph::unreachable) return cut("endpoint0", name);
      if ((*to)[v] == RoutingGraph::unreachable) return cut(name, "endpoint0");
    }
  }

  Topology topology_;
  TopologyLink defaults_;
  std::string last_endpoint_;
  std::unordered_map<std::string, std::uint32_t> numbers_;  // of vertices, by all their names
  std::unordered_set<std::string> declared_;
  std::vector<OneWay> one_way_;
  std::int64_t cables_ = 0;
};

Topology read_file(Reader& params, CustomGraph graph) {
  namespace fs = std::filesystem;
  Reader at = params.child("graphviz");
  const auto name = at.as<std::string>();
  if (name.empty()) return {};
  std::error_code error;
  const fs::path beside = fs::path(at.value().file).parent_path() / name;
  try {
    Reader file(read_graphviz_file(fs::is_regular_file(beside, error) ? beside : fs::path(name)), "graph");
    Topology topology = graph.read(file);
    file.finish();
    return topology;
  } catch (const InputError& faults) {
    for (const Fault& fault : faults.faults()) at.fault(fault.to_string());
    return {};
  }
}

}  // namespace

Topology build_custom(const TopologyRequest& request, Reader& params) {
  CustomGraph graph(request, {"", read_bandwidths(params, 1, "links", request.port_bandwidth).front(),
                              read_latencies(params, 1, "links", request.port_latency).front()});
  params.child("graphviz");  // a known key
  if (!params.has("graphviz")) return graph.read(params);
  for (const std::string_view key : {"vertices", "links"}) {
    params.child(key).mark_read();
    if (params.has(key)) params.fault(key, "`graphviz` stands for vertices and links; leave out one or the other");
  }
  return read_file(params, std::move(graph));
}

}  // namespace rehearse
