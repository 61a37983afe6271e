// ecmp: one of the shortest paths, hop by hop: each switch takes one of the links that lead nearer, by a seeded hash of
// (source, destination, flow) mixed with the switch. (With the same hash at every switch, those that a choice reaches
// would all choose alike and leave some of their links without flows: polarisation.)
#include <utility>

#include "topologies/routing/rows.hpp"

namespace rehearse {

TopologyRoutes route_ecmp(std::shared_ptr<const RoutingGraph> graph, std::uint64_t seed) {
  return {[graph = std::move(graph), seed](std::uint32_t source, std::uint32_t destination, std::uint64_t flow) {
            return shortest_route(*graph, source, destination, hash_choice(seed, source, destination, flow));
          },
          nullptr};
}

}  // namespace rehearse
