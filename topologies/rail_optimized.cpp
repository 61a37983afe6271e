// rail_optimized: NIC i of every node on rail i, a tree of switches each; spines join the rails, or nothing does.
//
//   topology: rail_optimized
//   nodes_per_unit: 32       nodes that share the leaves of the rails: ports down on a leaf; default: as many as a
//                            fat_tree's leaf has
//   radix: 64                ports of a switch; default: the smallest that fits, with 2^i nodes a unit where that is
//   open levels: 2                of switches; default 2, without `spine` 1 oversubscription, bandwidth, latency   as
//   in a fat_tree spine: false             rail-only: each rail is a tree of its own, and no flow gets from one to
//   another; default
//                            true
//
// Endpoint number = node * NICs a node + NIC. The fabric is a fat tree (fat_tree.cpp) whose endpoints stand in another
// order: by unit, in it by rail, in that by node; so the leaf of unit u and rail r is leaf u * rails + r, and units
// take `rails` leaves. The last unit may have fewer nodes than the others. Two NICs of a rail in one unit are 2 links
// apart, all others 4 (two levels). Rail-only: W. Wang, Ghobadi, Shakeri, Zhang and Hasani, "Rail-only: A Low-Cost
// High-Performance Network for Training LLMs with Trillion Parameters", Hot Interconnects 2024 (arXiv 2307.12169,
// 2023). Rails with spines: NVIDIA, "DGX SuperPOD" reference architectures. d_mod_k and ecmp as in a fat tree, d_mod_k
// by the place of the destination in that order.
#include "topologies/tree_keys.hpp"

namespace rehearse {
namespace {

std::vector<std::uint64_t> slots_by_unit(std::uint64_t unit, std::uint64_t rails, std::uint64_t nodes) {
  std::vector<std::uint64_t> slots;
  for (std::uint64_t node = 0; node < nodes; ++node)
    for (std::uint64_t rail = 0; rail < rails; ++rail)
      slots.push_back((node / unit * rails + rail) * unit + node % unit);
  return slots;
}

// Slots up to that of the last node's last NIC.
std::uint64_t slots_of_units(std::uint64_t unit, std::uint64_t rails, std::uint64_t nodes) {
  const std::uint64_t last = nodes - 1;
  return (last / unit * rails + rails - 1) * unit + last % unit + 1;
}

// One tree after the other; every tree just large enough.
std::vector<std::uint64_t> slots_by_rail(Xgft& tree, std::uint64_t rails, std::uint64_t nodes) {
  for (std::size_t i = 0; i < tree.height(); ++i) tree.children[i] = std::min(tree.children[i], tree.trees(i, nodes));
  std::vector<std::uint64_t> slots;
  for (std::uint64_t node = 0; node < nodes; ++node)
    for (std::uint64_t rail = 0; rail < rails; ++rail) slots.push_back(rail * capacity(tree) + node);
  return slots;
}

void skip_keys(Reader& params) {
  for (const std::string_view key : {"nodes_per_unit", "radix", "levels", "oversubscription", "spine"})
    params.child(key).mark_read();
  skip_links(params);
}

Xgft read_rails(Reader& params, const TopologyRequest& request, bool spine) {
  const std::uint64_t rails = request.endpoints_per_node, nodes = request.endpoints / rails;
  TreeDemand demand{spine ? 2 : 1, 0, [&](const Xgft& tree) {
                      return spine ? slots_of_units(tree.children.front(), rails, nodes) : nodes;
                    }};
  params.child("nodes_per_unit");  // a known key
  if (params.has("nodes_per_unit")) demand.leaf_ports = read_count(params, "nodes_per_unit", 1);
  if (params.get_at_least("levels", 1, demand.levels) == 1 && (spine || demand.leaf_ports > 0)) {
    params.fault("levels", spine ? "leaves and the spines that join the rails are two levels; one has no spines"
                                 : "one level has no units; leave out `nodes_per_unit` or give two levels");
    for (const std::string_view key : {"radix", "oversubscription"}) params.child(key).mark_read();
    skip_links(params);
    return {};
  }
  return read_tree(params, request, demand);
}

}  // namespace

Topology build_rail_optimized(const TopologyRequest& request, Reader& params) {
  const std::uint32_t rails = request.endpoints_per_node;
  if (rails == 0 || request.endpoints % rails != 0) {
    params.fault("rails need nodes of the same number of NICs each, " +
                 std::string(rails == 0 ? "but these nodes have different numbers"
                                        : "but " + std::to_string(request.endpoints) + " endpoints are not nodes of " +
                                              std::to_string(rails)));
    skip_keys(params);
    return {};
  }
  const bool spine = params.get<bool>("spine", true);
  Xgft tree = read_rails(params, request, spine);
  if (tree.children.empty()) return {};
  const std::uint64_t nodes = request.endpoints / rails, unit = tree.children.front();
  const double cables =
      spine ? cable_count(tree, slots_of_units(unit, rails, nodes)) : rails * cable_count(tree, nodes);
  if (!check_cables(params, cables)) return {};
  return build_xgft(tree, spine ? slots_by_unit(unit, rails, nodes) : slots_by_rail(tree, rails, nodes));
}

}  // namespace rehearse
