// The table of topologies: a new one is a file with its build function and a row here.
#include <array>

#include "topologies/routing.hpp"
#include "topologies/topology.hpp"

namespace rehearse {

Topology build_switch(const TopologyRequest& request, Reader& params);
Topology build_ring(const TopologyRequest& request, Reader& params);
Topology build_torus(const TopologyRequest& request, Reader& params);
Topology build_mesh(const TopologyRequest& request, Reader& params);
Topology build_hypercube(const TopologyRequest& request, Reader& params);
Topology build_fully_connected(const TopologyRequest& request, Reader& params);
Topology build_fat_tree(const TopologyRequest& request, Reader& params);
Topology build_rail_optimized(const TopologyRequest& request, Reader& params);
Topology build_dragonfly(const TopologyRequest& request, Reader& params);
Topology build_dragonfly_plus(const TopologyRequest& request, Reader& params);
Topology build_hyperx(const TopologyRequest& request, Reader& params);
Topology build_slim_fly(const TopologyRequest& request, Reader& params);
Topology build_custom(const TopologyRequest& request, Reader& params);

const Table<TopologyRow>& topology_table() {
  static constexpr std::array<TopologyRow, 13> rows{{
      {"switch", "one crossbar that every endpoint is cabled to", "shortest_path", build_switch},
      {"ring", "endpoints joined in a circle", "dimension_order", build_ring},
      {"torus", "endpoints on a grid of any number of dimensions, each wrapped round", "dimension_order", build_torus},
      {"mesh", "endpoints on a grid of any number of dimensions, not wrapped", "dimension_order", build_mesh},
      {"hypercube", "2^n endpoints, joined where their numbers differ in one digit", "dimension_order",
       build_hypercube},
      {"fully_connected", "a cable between every two endpoints", "shortest_path", build_fully_connected},
      {"fat_tree", "a tree of switches by levels or k-ary, non-blocking or oversubscribed", "d_mod_k", build_fat_tree},
      {"rail_optimized", "a fat tree with NIC i of every node on rail i, or rails alone", "d_mod_k",
       build_rail_optimized},
      {"dragonfly", "groups of routers joined each to each, and each group to each", "ecmp", build_dragonfly},
      {"dragonfly_plus", "groups of leaves and spines, each group joined to each", "ecmp", build_dragonfly_plus},
      {"hyperx", "a grid of switches, joined each to each in every dimension", "dimension_order", build_hyperx},
      {"slim_fly", "routers at most two apart, on the graphs of McKay, Miller and Siran", "ecmp", build_slim_fly},
      {"custom", "the vertices and links that the YAML or a file of Graphviz lists", "shortest_path", build_custom},
  }};
  static constexpr Table<TopologyRow> table("topology", rows);
  return table;
}

Topology build_topology(const TopologyRequest& request, Reader& params, std::string_view fallback) {
  params.child("topology");  // a known key, also where the fallback stands for it
  const bool named = params.has("topology") || fallback.empty();
  const std::string name =
      named ? params.get_name("topology", "topology", topology_table().names()) : std::string(fallback);
  const TopologyRow* row = topology_table().find(name);
  if (row == nullptr) {
    params.mark_read();  // the other keys belong to a topology that nobody knows
    return {};
  }
  Topology topology = row->build(request, params);
  const std::string routing = topology.default_routing;
  read_routing(topology, params, routing.empty() ? row->routing : routing);
  return topology;
}

}  // namespace rehearse
