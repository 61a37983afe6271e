// dragonfly_plus: groups that are trees of leaves and spines, every group joined to every other by its spines.
//
//   topology: dragonfly_plus
//   endpoints_per_leaf: 8    p
//   leaves_per_group: 8      l
//   spines_per_group: 8      s
//   global_links: 8          h, of a spine to other groups
//   groups: 65               g, at most s h + 1; default: as many as the endpoints fill
//   bandwidth: [25 GB/s, 25 GB/s, 50 GB/s]   of a cable, one direction, or a list for "port", "local", "global";
//                            default: the endpoint's port
//   latency: 500 ns          likewise
//
// Shpiner, Haramaty, Eliad, Zdornov, Gafni and Zahavi, "Dragonfly+: Low Cost Topology for Scaling Datacenters",
// HiPINEB 2017; the same as Megafly (Flajslik, Borch and Parker, ISC 2018). What is not given of p, l, s, h is balanced
// with what is, p = l = s = h, for routers of 2 p ports; where none is given, the smallest that holds the endpoints.
// Endpoint e hangs on leaf floor(e / p), leaf f is in group floor(f / l); all switches are there, also where the last
// have no endpoints. Every leaf is joined to every spine of its group ("local"). Global links: groups.hpp.
//
// g (l + s) switches, g l s local cables, and with g = s h + 1 groups g s h / 2 global ones. Endpoints of a leaf are 2
// apart, of a group 4, others 5 where a cable joins their groups, which one does: the diameter is 5, and the mean
// distance of n = g l p endpoints (2 (p - 1) + 4 (l - 1) p + 5 (g - 1) l p) / (n - 1).
#include "topologies/groups.hpp"

namespace rehearse {

Topology build_dragonfly_plus(const TopologyRequest& request, Reader& params) {
  const std::vector<TopologyLink> links = read_links(params, {"port", "local", "global"}, request);
  const GroupSizes sizes = read_groups(
      params, {{"endpoints_per_leaf", 1}, {"leaves_per_group", 1}, {"spines_per_group", 1}, {"global_links", 1}},
      request.endpoints);
  if (sizes.counts.empty()) return {};
  const double all_spines = static_cast<double>(sizes.groups * sizes.counts[2]);
  if (!check_cables(params, request.endpoints + all_spines * static_cast<double>(sizes.counts[1] + sizes.counts[3])))
    return {};
  const auto each = static_cast<std::uint32_t>(sizes.counts[0]), leaves = static_cast<std::uint32_t>(sizes.counts[1]),
             spines = static_cast<std::uint32_t>(sizes.counts[2]), ports = static_cast<std::uint32_t>(sizes.counts[3]),
             groups = static_cast<std::uint32_t>(sizes.groups);
  Topology topology;
  add_endpoints(topology, request.endpoints);
  const std::uint32_t first_leaf = add_switches(topology, groups * leaves, "leaf", leaves);
  const std::uint32_t first_spine = add_switches(topology, groups * spines, "spine", spines);
  attach_endpoints(topology, first_leaf, each, links[0]);
  for (std::uint32_t leaf = 0; leaf < groups * leaves; ++leaf)
    for (std::uint32_t spine = 0; spine < spines; ++spine)
      add_cable(topology, first_leaf + leaf, first_spine + leaf / leaves * spines + spine, links[1]);
  add_global_cables(topology, params, global_cables(groups, spines, ports), first_spine, spines, links[2]);
  return topology;
}

}  // namespace rehearse
