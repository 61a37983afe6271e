// The table of topologies: a new one is a file with its build function and a row here.
#include <array>

#include "topologies/routing.hpp"
#include "topologies/topology.hpp"

namespace rehearse {

Topology build_switch(const TopologyRequest& request, Reader& params);
Topology build_ring(const TopologyRequest& request, Reader& params);
Topology build_torus(const TopologyRequest& request, Reader& params);
Topology build_fat_tree(const TopologyRequest& request, Reader& params);
Topology build_custom(const TopologyRequest& request, Reader& params);

const Table<TopologyRow>& topology_table() {
  static constexpr std::array<TopologyRow, 5> rows{{
      {"switch", "one crossbar that every endpoint is cabled to", "shortest_path", build_switch},
      {"ring", "endpoints joined in a circle", "dimension_order", build_ring},
      {"torus", "endpoints on a grid of any number of dimensions, each wrapped round", "dimension_order", build_torus},
      {"fat_tree", "a tree of switches by levels or k-ary, non-blocking or oversubscribed", "d_mod_k", build_fat_tree},
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
  read_routing(topology, params, row->routing);
  return topology;
}

}  // namespace rehearse
