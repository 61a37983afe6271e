// Topology: copies, names, cables, and a shortest path for graphs without structure.
#include "topologies/topology.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include <boost/graph/dijkstra_shortest_paths.hpp>
#include <boost/property_map/function_property_map.hpp>

namespace rehearse {
namespace {

bool joins_groups(const TopologyGraph& graph, const TopologyEdge& link) {
  const TopologyVertex &from = graph[boost::source(link, graph)], &to = graph[boost::target(link, graph)];
  return !from.is_endpoint && !to.is_endpoint && from.group != to.group;
}

constexpr auto unreachable = std::numeric_limits<std::uint64_t>::max();

// A link between groups is longer than any path that needs none.
std::uint64_t length_of(const TopologyGraph& graph, const TopologyEdge& link) {
  return joins_groups(graph, link) ? boost::num_vertices(graph) : 1;
}

std::vector<std::uint64_t> lengths_from(const TopologyGraph& graph, std::uint32_t vertex) {
  std::vector<std::uint64_t> lengths(boost::num_vertices(graph), unreachable);
  const auto weight = boost::make_function_property_map<TopologyEdge>(
      [&graph](const TopologyEdge& link) { return length_of(graph, link); });
  boost::dijkstra_shortest_paths(graph, vertex,
                                 boost::weight_map(weight).distance_map(lengths.data()).distance_inf(unreachable));
  return lengths;
}

}  // namespace

// An edge descriptor holds a pointer into its own graph, so a copy is built anew, link by link.
Topology::Topology(const Topology& other) { *this = other; }

Topology& Topology::operator=(const Topology& other) {
  if (this == &other) return *this;
  graph.clear();
  edges.clear();
  for (std::size_t v = 0; v < boost::num_vertices(other.graph); ++v) add_vertex(*this, other.graph[v]);
  for (const TopologyEdge& e : other.edges)
    edges.push_back(
        boost::add_edge(boost::source(e, other.graph), boost::target(e, other.graph), other.graph[e], graph).first);
  endpoints = other.endpoints;
  route = other.route;
  live_route = other.live_route;
  routes_without = other.routes_without;
  own_routings = other.own_routings;
  default_routing = other.default_routing;
  return *this;
}

std::string Topology::link_name(std::uint32_t edge) const {
  const TopologyEdge& e = edges[edge];
  const auto from = boost::source(e, graph), to = boost::target(e, graph);
  std::size_t before = 0;
  for (auto at = boost::out_edges(from, graph).first; *at != e; ++at)
    if (boost::target(*at, graph) == to) ++before;
  return graph[from].name + "->" + graph[to].name + (before == 0 ? "" : "#" + std::to_string(before + 1));
}

std::uint32_t add_vertex(Topology& topology, TopologyVertex vertex) {
  const auto number = static_cast<std::uint32_t>(boost::add_vertex(topology.graph));
  if (vertex.is_endpoint) topology.endpoints.push_back(number);
  topology.graph[number] = std::move(vertex);
  return number;
}

void add_endpoints(Topology& topology, std::uint32_t count) {
  for (std::uint32_t e = 0; e < count; ++e) add_vertex(topology, {"endpoint" + std::to_string(e), true});
}

std::uint32_t add_switches(Topology& topology, std::uint32_t count, const std::string& name, std::uint32_t per_group) {
  const auto first = static_cast<std::uint32_t>(boost::num_vertices(topology.graph));
  for (std::uint32_t s = 0; s < count; ++s) add_vertex(topology, {name + std::to_string(s), false, s / per_group});
  return first;
}

void attach_endpoints(Topology& topology, std::uint32_t first, std::uint32_t each, const TopologyLink& port) {
  for (std::uint32_t e = 0; e < topology.endpoints.size(); ++e)
    add_cable(topology, topology.endpoints[e], first + e / each, port);
}

std::uint32_t add_cable(Topology& topology, std::uint32_t a, std::uint32_t b, const TopologyLink& link) {
  const auto first = static_cast<std::uint32_t>(topology.edges.size());
  topology.edges.push_back(boost::add_edge(a, b, link, topology.graph).first);
  topology.edges.push_back(boost::add_edge(b, a, link, topology.graph).first);
  return first;
}

bool is_between_groups(const Topology& topology, std::uint32_t link) {
  return joins_groups(topology.graph, topology.edges[link]);
}

TopologyRoute shortest_path(const Topology& topology, std::uint32_t source, std::uint32_t destination) {
  const TopologyGraph& graph = topology.graph;
  constexpr auto none = std::numeric_limits<std::uint32_t>::max();
  const std::vector<std::uint64_t> lengths = lengths_from(graph, topology.endpoints[source]);
  // The link by which each vertex is entered: from its lowest-numbered predecessor.
  std::vector<std::uint32_t> entry(lengths.size(), none);
  for (std::uint32_t edge = 0; edge < topology.edges.size(); ++edge) {
    const auto from = boost::source(topology.edges[edge], graph), to = boost::target(topology.edges[edge], graph);
    if (lengths[from] == unreachable || lengths[from] + length_of(graph, topology.edges[edge]) != lengths[to]) continue;
    if (entry[to] == none || from < boost::source(topology.edges[entry[to]], graph)) entry[to] = edge;
  }
  if (lengths[topology.endpoints[destination]] == unreachable) throw NoRoute(source, destination);
  TopologyRoute route;
  for (auto v = static_cast<std::size_t>(topology.endpoints[destination]); lengths[v] > 0;) {
    route.push_back(entry[v]);
    v = boost::source(topology.edges[entry[v]], graph);
  }
  std::reverse(route.begin(), route.end());
  return route;
}

}  // namespace rehearse
