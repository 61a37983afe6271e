// Routing: how flows find their way over a topology. A new one is a file with its function and a row in the table.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/base/table.hpp"
#include "topologies/topology.hpp"

namespace rehearse {

/// A row of the routing table: sets `route` of a topology that has its graph (and `live_route`, where it decides when a
/// flow starts).
struct RoutingRow {
  std::string_view name;
  std::string_view description;
  bool seeded;  ///< takes `seed`
  /// nullptr: only topologies that know it have it (Topology::own_routings).
  void (*install)(Topology& topology, std::uint64_t seed);
};

/// shortest_path, ecmp, dimension_order, d_mod_k.
const Table<RoutingRow>& routing_table();

/// Reads `routing` (default `fallback`) and `seed` (default 0) and sets the topology's routes. Faults: an unknown name,
/// a routing that this topology does not have (with those that it has), a seed where there is nothing to seed.
void read_routing(Topology& topology, Reader& params, std::string_view fallback);

}  // namespace rehearse
