// shortest_path: always the same one of the shortest paths: from the destination back, of the nearest predecessors the
// one of the lowest number, over its first link (as shortest_path() in topology.hpp, which searches anew each time).
#include <algorithm>
#include <utility>

#include "topologies/routing/rows.hpp"

namespace rehearse {
namespace {

TopologyRoute first_shortest(const RoutingGraph& graph, std::uint32_t source, std::uint32_t destination) {
  TopologyRoute route;
  const std::uint32_t begin = graph.vertex_of(source);
  std::uint32_t at = graph.vertex_of(destination);
  if (begin == at) return route;
  // Endpoints with a single link out share the distances of where it leads.
  const std::span<const RoutingGraph::Link> exits = graph.out(begin);
  if (exits.empty()) throw NoRoute(source, destination);
  const bool single = exits.size() == 1;
  const RoutingGraph::Distances distances = graph.from(single ? exits.front().vertex : begin);
  const std::vector<std::uint32_t>& hops = *distances;
  if (hops[at] == RoutingGraph::unreachable) throw NoRoute(source, destination);
  while (hops[at] > 0) {
    const RoutingGraph::Link* entry = nullptr;
    for (const RoutingGraph::Link& link : graph.in(at))
      if (hops[link.vertex] != RoutingGraph::unreachable && hops[link.vertex] + 1 == hops[at] &&
          (entry == nullptr || link.vertex < entry->vertex))
        entry = &link;
    route.push_back(entry->edge);
    at = entry->vertex;
  }
  if (single) route.push_back(exits.front().edge);
  std::reverse(route.begin(), route.end());
  return route;
}

}  // namespace

TopologyRoutes route_shortest_path(std::shared_ptr<const RoutingGraph> graph, std::uint64_t) {
  return {[graph = std::move(graph)](std::uint32_t source, std::uint32_t destination, std::uint64_t) {
            return first_shortest(*graph, source, destination);
          },
          nullptr};
}

}  // namespace rehearse
