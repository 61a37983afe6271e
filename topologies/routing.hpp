// Routing: how flows find their way over a topology. A new one is a file with its function and a row in the table.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "engine/base/table.hpp"
#include "topologies/topology.hpp"

namespace rehearse {

class RoutingGraph;

/// A row of the routing table: makes the routes over a graph.
struct RoutingRow {
  std::string_view name;
  std::string_view description;
  bool seeded;  ///< takes `seed`
  /// nullptr: only topologies that know it have it (Topology::own_routings).
  TopologyRoutes (*make)(std::shared_ptr<const RoutingGraph> graph, std::uint64_t seed);
};

/// shortest_path, ecmp, round_robin, adaptive, valiant, ugal, dimension_order, d_mod_k.
const Table<RoutingRow>& routing_table();

/// Reads `routing` (default `fallback`) and `seed` (default 0) and sets the topology's routes. Faults: an unknown name,
/// a routing that this topology does not have (with those that it has), a seed where there is nothing to seed.
void read_routing(Topology& topology, Reader& params, std::string_view fallback);

/// The links that are down, by index of Topology::edges: a route that would cross one goes instead over a shortest path
/// of those that are left, one of the equal ones by a hash of (source, destination, flow). Routings that decide when a
/// flow starts decide over what is left. Routes throw NoRoute where nothing is left. May be called again with other
/// links: it always starts from the routes that were read.
void set_links_down(Topology& topology, const std::vector<bool>& down);

}  // namespace rehearse
