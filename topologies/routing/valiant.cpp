// valiant: over a shortest path to somewhere at random, and from there over a shortest path on: Valiant, "A scheme for
// fast parallel communication", SIAM J. Computing 1982. Any traffic then loads the network as random traffic does, at
// up to twice the hops.
//
// Where switches are of several groups (a dragonfly), somewhere is a group other than source's and destination's, and
// the way goes on from where it enters it: Kim, Dally, Scott and Abts, "Technology-driven, highly-scalable dragonfly
// topology", ISCA 2008. Elsewhere, and where there is no other group, it is a switch, each as likely (where endpoints
// are the vertices, one of those). The group or switch and, among equal shortest paths, each link are chosen by a
// seeded hash of (source, destination, flow). One that the flow cannot go through (links are down) is passed over for
// the next.
//
// What a way does between two visits of the same vertex is pointless and cut out: over a leaf below the spine that a
// flow climbs to anyway, it turns at the spine.
#include <algorithm>
#include <utility>

#include "topologies/routing/rows.hpp"

namespace rehearse {
namespace {

// From each vertex on over the link by which the walk last left it.
TopologyRoute without_loops(const RoutingGraph& graph, std::uint32_t begin, const TopologyRoute& walk) {
  TopologyRoute route;
  std::uint32_t at = begin;
  for (std::size_t i = 0; i < walk.size();) {
    for (std::size_t k = i; k < walk.size(); ++k)
      if (graph.head(walk[k]) == at) i = k + 1;
    if (i == walk.size()) break;
    route.push_back(walk[i]);
    at = graph.head(walk[i++]);
  }
  return route;
}

// Over `distances` to somewhere and on to the destination; empty where there is no such way.
TopologyRoute way_over(const RoutingGraph& graph, const RoutingGraph::Distances& distances, std::uint32_t source,
                       std::uint32_t destination, const HashChoice& choose) {
  TopologyRoute route;
  if ((*distances)[source] == RoutingGraph::unreachable) return {};
  const std::uint32_t middle = walk(graph, distances, source, choose, route);
  if (!walk_to(graph, middle, destination, choose, route)) return {};
  return without_loops(graph, source, route);
}

}  // namespace

TopologyRoute valiant_path(const RoutingGraph& graph, std::uint32_t source, std::uint32_t destination,
                           const HashChoice& choose) {
  const std::uint32_t from = graph.vertex_of(source), to = graph.vertex_of(destination);
  if (from == to) return {};
  const auto over_one_of = [&](const std::vector<std::uint32_t>& places, auto distances_to) {
    if (places.empty()) return TopologyRoute{};
    const std::size_t first = choose.pick(graph.vertices(), places.size());  // a number that no vertex has
    TopologyRoute route;
    for (std::size_t i = 0; i < places.size() && route.empty(); ++i)
      route = way_over(graph, distances_to(places[(first + i) % places.size()]), from, to, choose);
    return route;
  };
  TopologyRoute route;
  if (graph.groups().size() > 1) {
    std::vector<std::uint32_t> others;
    for (const std::uint32_t group : graph.groups())
      if (group != graph.group(from) && group != graph.group(to)) others.push_back(group);
    route = over_one_of(others, [&graph](std::uint32_t group) { return graph.to_group(group); });
  }
  if (route.empty()) route = over_one_of(graph.intermediates(), [&graph](std::uint32_t v) { return graph.to(v); });
  return route.empty() ? shortest_route(graph, source, destination, choose) : route;
}

TopologyRoutes route_valiant(std::shared_ptr<const RoutingGraph> graph, std::uint64_t seed) {
  return {[graph = std::move(graph), seed](std::uint32_t source, std::uint32_t destination, std::uint64_t flow) {
            return valiant_path(*graph, source, destination, hash_choice(seed, source, destination, flow));
          },
          nullptr};
}

}  // namespace rehearse
