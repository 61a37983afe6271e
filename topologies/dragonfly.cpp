// dragonfly: groups of routers, all joined within a group, and every group joined to every other.
//
//   topology: dragonfly
//   endpoints_per_router: 4  p
//   routers_per_group: 8     a
//   global_links: 4          h, of a router to other groups
//   groups: 33               g, at most a h + 1; default: as many as the endpoints fill
//   bandwidth: [25 GB/s, 25 GB/s, 50 GB/s]   of a cable, one direction, or a list for "port", "local", "global";
//                            default: the endpoint's port
//   latency: 500 ns          likewise
//
// Kim, Dally, Scott and Abts, "Technology-Driven, Highly-Scalable Dragonfly Topology", ISCA 2008. What is not given of
// p, a, h is balanced with what is, a = 2 p = 2 h as there; where none is given, the smallest that holds the endpoints.
// Endpoint e hangs on router floor(e / p), router r is in group floor(r / a); all routers are there, also where the
// last have no endpoints. Global links: groups.hpp; with fewer than a h + 1 groups there are several between two.
//
// g a routers of p + a - 1 + h ports; g a (a - 1) / 2 local cables, and with g = a h + 1 groups g a h / 2 global ones,
// one between each two. Then the diameter is 5, ports included, for a > 1: local, global, local at most; with fewer
// groups likewise. Bisection of g = a h + 1 groups, g even: at most the g^2 / 4 cables between the halves.
#include "topologies/groups.hpp"

namespace rehearse {

Topology build_dragonfly(const TopologyRequest& request, Reader& params) {
  const std::vector<TopologyLink> links = read_links(params, {"port", "local", "global"}, request);
  const GroupSizes sizes = read_groups(
      params, {{"endpoints_per_router", 1}, {"routers_per_group", 2}, {"global_links", 1}}, request.endpoints);
  if (sizes.counts.empty()) return {};
  const double all_routers = static_cast<double>(sizes.groups * sizes.counts[1]);
  if (!check_cables(params, request.endpoints + all_routers * static_cast<double>(sizes.counts[1] + sizes.counts[2])))
    return {};
  const auto each = static_cast<std::uint32_t>(sizes.counts[0]), routers = static_cast<std::uint32_t>(sizes.counts[1]),
             ports = static_cast<std::uint32_t>(sizes.counts[2]), groups = static_cast<std::uint32_t>(sizes.groups);
  Topology topology;
  add_endpoints(topology, request.endpoints);
  const std::uint32_t first = add_switches(topology, groups * routers, "router", routers);
  attach_endpoints(topology, first, each, links[0]);
  for (std::uint32_t base = first; base < first + groups * routers; base += routers)
    for (std::uint32_t low = 0; low < routers; ++low)
      for (std::uint32_t high = low + 1; high < routers; ++high) add_cable(topology, base + low, base + high, links[1]);
  add_global_cables(topology, params, global_cables(groups, routers, ports), first, routers, links[2]);
  return topology;
}

}  // namespace rehearse
