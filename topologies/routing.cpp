// The table of routings, and what reads them from YAML.
#include "topologies/routing.hpp"

#include <array>
#include <string>

namespace rehearse {

const Table<RoutingRow>& routing_table() {
  static constexpr std::array<RoutingRow, 4> rows{{
      {"shortest_path", "the first of the shortest paths", false, nullptr},
      {"ecmp", "one of the shortest paths by a hash of source, destination and flow", true, nullptr},
      {"dimension_order", "one dimension of a grid after the other", false, nullptr},
      {"d_mod_k", "in a fat tree, up-ports by the digits of the destination", false, nullptr},
  }};
  static constexpr Table<RoutingRow> table("routing", rows);
  return table;
}

void read_routing(Topology& topology, Reader& params, std::string_view fallback) {
  const Table<RoutingRow>& table = routing_table();
  std::vector<std::string> names;
  for (const RoutingRow& row : table)
    if (row.install != nullptr || topology.own_routings.contains(std::string(row.name))) names.emplace_back(row.name);
  const bool unknown = params.has("routing") && table.find(params.get<std::string>("routing")) == nullptr;
  const std::string name =
      params.get_name("routing", "routing", unknown ? table.names() : names, std::string(fallback));
  const RoutingRow* row = table.find(name);
  const auto seed = static_cast<std::uint64_t>(params.get_at_least("seed", 0, 0));
  if (row == nullptr || boost::num_vertices(topology.graph) == 0) return;  // after a fault
  if (params.has("seed") && !row->seeded) params.fault("seed", "`routing: " + name + "` has nothing to seed");
  const auto own = topology.own_routings.find(name);
  if (own != topology.own_routings.end())
    topology.route = own->second(seed);
  else if (row->install != nullptr)
    row->install(topology, seed);
}

}  // namespace rehearse
