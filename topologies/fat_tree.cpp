// fat_tree: levels of switches above the endpoints, by levels and radix or k-ary.
//
//   topology: fat_tree
//   levels: 2                of switches; default 2
//   radix: 40                ports of a switch; default: the smallest that fits with 2^i ports down on a leaf
//   oversubscription: 2      capacity down over capacity up of a switch, at least 1 (1: non-blocking, the default); a
//                            number is the leaves', a list has one for each level below the top, from the leaves up
//   arity: 8                 instead of the three above: the k-ary tree of Al-Fares et al., SIGCOMM 2008 (three levels,
//                            k ports, k pods, at most k^3/4 endpoints, non-blocking)
//   bandwidth: 200 Gb/s      of a cable, one direction, or a list with one for each level of cables from the endpoints'
//                            ports up; default: the endpoint's port
//   latency: 500 ns          likewise
//   planes: 2                separate trees, each with a port of every endpoint; default 1. `bandwidth` is then of one
//                            plane; default: the endpoint's port / planes
//
// Construction: an extended generalized fat tree (xgft.hpp), filled from the left. A switch below the top has d ports
// down and u = ceil(d b / (o B)) up, where b and B are the bandwidths of the cables below and above it and o is its
// oversubscription; d is the largest with d + u <= radix. The bandwidth of a cable above is then lowered from B to
// d b / (o u), so that the ratio of capacities is exactly o also where the ports do not divide. (A k-ary tree has k/2
// and k/2, and cables of the bandwidth as given.) Switches that are filled in part have the cables up of a full one,
// subtrees without endpoints are left out. Classes of links: "port", "leaf-spine", "spine-core", "core-tier4", ...
//
// d_mod_k, the routing where none is named: Zahavi, "D-Mod-K routing providing non-blocking traffic for shift
// permutations on real life fat trees", 2010: up-port floor(destination / W_i) mod w_(i+1), so all flows to a
// destination meet at one root. ecmp: a seeded hash of (source, destination, flow) instead of the destination.
// A flow keeps to one plane: (source + destination) mod planes with d_mod_k, so that the flows between one endpoint and
// all others use its ports evenly in both directions; a digit of the hash with ecmp.
#include "topologies/tree_keys.hpp"

namespace rehearse {
namespace {

Xgft read_arity(Reader& params, const TopologyRequest& request) {
  constexpr std::int64_t most_arity = 1024;
  const std::int64_t arity = params.get_at_least("arity", 2, 0);  // 0: after a fault
  for (const std::string_view key : {"levels", "radix", "oversubscription"}) {
    params.child(key).mark_read();
    if (params.has(key))
      params.fault(key, "`arity` stands for three levels without oversubscription; leave out one or the other");
  }
  const std::vector<TopologyLink> cables =
      read_links(params, {cable_class(0), cable_class(1), cable_class(2)}, request);
  if (arity % 2 != 0 || arity > most_arity) {
    params.fault("arity",
                 "expected an even number up to " + std::to_string(most_arity) + ", found " + std::to_string(arity));
    return {};
  }
  if (arity == 0) return {};
  const std::uint64_t half = static_cast<std::uint64_t>(arity) / 2;
  const Xgft tree{{half, half, 2 * half}, {1, half, half}, cables};
  if (capacity(tree) >= request.endpoints) return tree;
  params.fault("arity", "a " + std::to_string(arity) + "-ary fat tree holds at most " + std::to_string(capacity(tree)) +
                            " endpoints, but " + std::to_string(request.endpoints) + " are to be attached");
  return {};
}

Xgft read_levels(Reader& params, const TopologyRequest& request) {
  params.child("arity");  // a known key
  return read_tree(params, request, {2, 0, [&](const Xgft&) { return std::uint64_t{request.endpoints}; }});
}

}  // namespace

Topology build_fat_tree(const TopologyRequest& request, Reader& params) {
  const std::uint64_t planes = read_count(params, "planes", 1);
  TopologyRequest plane = request;
  plane.port_bandwidth = request.port_bandwidth / static_cast<double>(planes);
  const Xgft tree = params.has("arity") ? read_arity(params, plane) : read_levels(params, plane);
  if (tree.children.empty()) return {};
  if (!check_cables(params, static_cast<double>(planes) * cable_count(tree, request.endpoints))) return {};
  return build_xgft(tree, slots_from_left(request.endpoints), static_cast<std::uint32_t>(planes));
}

}  // namespace rehearse
