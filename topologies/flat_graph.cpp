#include "topologies/flat_graph.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "topologies/cables.hpp"

namespace rehearse {
namespace {

std::vector<EndpointGroup> groups_of(const Topology& topology, const FlatGraph& all) {
  std::vector<EndpointGroup> groups;
  std::vector<std::uint32_t> arrivals(all.vertices(), 0);
  for (const FlatGraph::Arc& arc : all.arcs) ++arrivals[arc.to];
  std::map<std::pair<std::uint32_t, double>, std::size_t> at;
  for (std::uint32_t e = 0; e < topology.endpoints.size(); ++e) {
    const std::uint32_t vertex = topology.endpoints[e];
    const auto arcs = all.out(vertex);
    if (arcs.size() != 1 || arrivals[vertex] != 1 || all.capacity[arcs.front().link ^ 1] == 0 ||
        topology.graph[arcs.front().to].is_endpoint) {
      groups.push_back({vertex, 0, {e}});
      continue;
    }
    const std::uint32_t link = arcs.front().link;
    const double port = std::min(all.capacity[link], all.capacity[link ^ 1]);
    const auto [found, is_new] = at.try_emplace({arcs.front().to, port}, groups.size());
    if (is_new) groups.push_back({arcs.front().to, port, {}});
    groups[found->second].members.push_back(e);
  }
  return groups;
}

void fill_arcs(FlatGraph& graph, std::size_t vertices, const std::vector<bool>& left_out) {
  graph.first.assign(vertices + 1, 0);
  const auto skipped = [&](std::size_t e) {
    return graph.capacity[e] == 0 || left_out[graph.from[e]] || left_out[graph.to[e]];
  };
  for (std::size_t e = 0; e < graph.from.size(); ++e)
    if (!skipped(e)) ++graph.first[graph.from[e] + 1];
  for (std::size_t v = 0; v < vertices; ++v) graph.first[v + 1] += graph.first[v];
  std::vector<std::uint32_t> next(graph.first.begin(), graph.first.end() - 1);
  graph.arcs.resize(graph.first.back());
  for (std::uint32_t e = 0; e < graph.from.size(); ++e)
    if (!skipped(e)) graph.arcs[next[graph.from[e]]++] = {graph.to[e], e};
}

}  // namespace

FlatGraph flatten(const Topology& topology) {
  const std::size_t vertices = boost::num_vertices(topology.graph);
  FlatGraph graph;
  const auto add = [&graph](std::size_t from, std::size_t to, double capacity) {
    graph.from.push_back(static_cast<std::uint32_t>(from));
    graph.to.push_back(static_cast<std::uint32_t>(to));
    graph.capacity.push_back(capacity);
  };
  for (std::uint32_t e = 0; e < topology.edges.size(); ++e) {
    const auto from = boost::source(topology.edges[e], topology.graph);
    const auto to = boost::target(topology.edges[e], topology.graph);
    add(from, to, topology.link(e).bandwidth.value());
    if (is_cable(topology, e)) continue;
    add(to, from, 0);
    graph.one_way = true;
  }
  fill_arcs(graph, vertices, std::vector<bool>(vertices, false));
  graph.groups = groups_of(topology, graph);
  return graph;
}

FlatGraph flatten_inner(const Topology& topology) {
  FlatGraph graph = flatten(topology);
  std::vector<bool> hanging(graph.vertices(), false);
  for (const EndpointGroup& group : graph.groups)
    for (const std::uint32_t e : group.members) hanging[topology.endpoints[e]] = group.hangs();
  fill_arcs(graph, graph.vertices(), hanging);
  return graph;
}

double mean_injection(const Topology& topology) {
  if (topology.endpoints.empty()) return 0;
  double sum = 0;
  for (std::uint32_t e = 0; e < topology.edges.size(); ++e)
    if (topology.graph[boost::source(topology.edges[e], topology.graph)].is_endpoint)
      sum += topology.link(e).bandwidth.value();
  return sum / static_cast<double>(topology.endpoints.size());
}

}  // namespace rehearse
