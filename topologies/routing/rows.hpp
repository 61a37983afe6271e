// The routings, a file each; private to topologies. The graph may have lost links; a route throws NoRoute where none is
// left.
#pragma once

#include <cstdint>
#include <memory>

#include "topologies/routing.hpp"
#include "topologies/routing/graph.hpp"

namespace rehearse {

TopologyRoutes route_shortest_path(std::shared_ptr<const RoutingGraph> graph, std::uint64_t seed);
TopologyRoutes route_ecmp(std::shared_ptr<const RoutingGraph> graph, std::uint64_t seed);
TopologyRoutes route_round_robin(std::shared_ptr<const RoutingGraph> graph, std::uint64_t seed);
TopologyRoutes route_adaptive(std::shared_ptr<const RoutingGraph> graph, std::uint64_t seed);
TopologyRoutes route_valiant(std::shared_ptr<const RoutingGraph> graph, std::uint64_t seed);
TopologyRoutes route_ugal(std::shared_ptr<const RoutingGraph> graph, std::uint64_t seed);

/// Of a routing that decides when a flow starts: `route` is what it does with the first flow in an idle network.
TopologyRoutes live_routes(LiveRouteFunction live);

/// A Valiant path from source to destination, by the choice's hash. Throws NoRoute.
TopologyRoute valiant_path(const RoutingGraph& graph, std::uint32_t source, std::uint32_t destination,
                           const HashChoice& choose);

}  // namespace rehearse
