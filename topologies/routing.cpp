// The table of routings, what reads them from YAML, and what goes round links that are down.
#include "topologies/routing.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <string>
#include <utility>

#include "topologies/routing/rows.hpp"

namespace rehearse {
namespace {

// The routing's name; nullptr after a fault.
const RoutingRow* read_row(const Topology& topology, Reader& params, std::string_view fallback) {
  const Table<RoutingRow>& table = routing_table();
  const std::string name = params.get_name("routing", "routing", table.names(), std::string(fallback));
  const RoutingRow* row = table.find(name);
  if (row == nullptr || boost::num_vertices(topology.graph) == 0) return nullptr;
  std::string names;
  for (const RoutingRow& other : table) {
    if (other.make == nullptr && !topology.own_routings.contains(std::string(other.name))) continue;
    if (other.name == name) return row;
    names += (names.empty() ? "" : ", ") + std::string(other.name);
  }
  params.fault("routing", "this topology does not have '" + name + "'; it has: " + names);
  return nullptr;
}

bool crosses(const TopologyRoute& route, const std::vector<bool>& links) {
  return std::any_of(route.begin(), route.end(), [&links](std::uint32_t edge) { return links[edge]; });
}

// `route` where it does not cross a link that is down, else `left`.
RouteFunction round_links(RouteFunction route, RouteFunction left, const std::vector<bool>& down) {
  return [route = std::move(route), left = std::move(left), down](std::uint32_t source, std::uint32_t destination,
                                                                  std::uint64_t flow) {
    TopologyRoute whole = route(source, destination, flow);
    return crosses(whole, down) ? left(source, destination, flow) : whole;
  };
}

}  // namespace

const Table<RoutingRow>& routing_table() {
  static constexpr std::array<RoutingRow, 8> rows{{
      {"shortest_path", "the first of the shortest paths", false, route_shortest_path},
      {"ecmp", "one of the shortest paths by a hash of source, destination and flow", true, route_ecmp},
      {"round_robin", "the shortest paths in turn, flow after flow of a source", false, route_round_robin},
      {"adaptive", "a shortest path over the links with the fewest flows when a flow starts", true, route_adaptive},
      {"valiant", "a shortest path to somewhere at random and on from there", true, route_valiant},
      {"ugal", "the less loaded of a shortest and a Valiant path when a flow starts", true, route_ugal},
      {"dimension_order", "one dimension of a grid after the other", false, nullptr},
      {"d_mod_k", "in a fat tree, up-ports by the digits of the destination", false, nullptr},
  }};
  static constexpr Table<RoutingRow> table("routing", rows);
  return table;
}

TopologyRoutes live_routes(LiveRouteFunction live) {
  return {[live](std::uint32_t source, std::uint32_t destination, std::uint64_t flow) {
            static const FlowStart idle{0, [](std::uint32_t) { return 0u; }};
            return live(source, destination, flow, idle);
          },
          live};
}

void read_routing(Topology& topology, Reader& params, std::string_view fallback) {
  const RoutingRow* row = read_row(topology, params, fallback);
  const auto seed = static_cast<std::uint64_t>(params.get_at_least("seed", 0, 0));
  if (row == nullptr) return;
  if (params.has("seed") && !row->seeded)
    params.fault("seed", "`routing: " + std::string(row->name) + "` has nothing to seed");
  const auto own = topology.own_routings.find(std::string(row->name));
  const TopologyRoutes routes =
      own != topology.own_routings.end()
          ? TopologyRoutes{own->second(seed), nullptr}
          : row->make(std::make_shared<const RoutingGraph>(topology, std::vector<bool>{}), seed);
  topology.route = routes.route;
  topology.live_route = routes.live_route;
  topology.routes_without = [routes, row, seed](const Topology& of, const std::vector<bool>& down) {
    if (std::find(down.begin(), down.end(), true) == down.end()) return routes;
    const auto left = std::make_shared<const RoutingGraph>(of, down);
    if (routes.live_route) return row->make(left, seed);
    return TopologyRoutes{round_links(routes.route, route_ecmp(left, seed).route, down), nullptr};
  };
}

void set_links_down(Topology& topology, const std::vector<bool>& down) {
  assert(topology.routes_without != nullptr && down.size() == topology.edges.size());
  TopologyRoutes routes = topology.routes_without(topology, down);
  topology.route = std::move(routes.route);
  topology.live_route = std::move(routes.live_route);
}

}  // namespace rehearse
