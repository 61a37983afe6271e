// Private to topologies: groups of routers joined by global cables, of dragonfly and dragonfly_plus.
#pragma once

#include <array>

#include "topologies/parameters.hpp"

namespace rehearse {

/// A number that describes a group: its YAML key, and how many times the smallest of them it is in a balanced one.
struct GroupKey {
  std::string_view name;
  std::uint64_t share;
};

/// The first two count what hangs on a group (endpoints a router, routers), the last two its global ports (routers
/// that have some, ports of each): the product of either two is the group's.
struct GroupSizes {
  std::vector<std::uint64_t> counts;  ///< empty after a fault
  std::uint64_t groups = 0;
  [[nodiscard]] std::uint64_t endpoints() const { return counts[0] * counts[1]; }
  [[nodiscard]] std::uint64_t global_ports() const { return counts[counts.size() - 2] * counts.back(); }
};

/// Reads the keys and `groups`. What YAML does not say is balanced with the first that it does say; where it says none,
/// it is the smallest balanced one that holds the endpoints in `groups`, or in as many groups as there can be. By
/// default there are as many groups as the endpoints fill.
GroupSizes read_groups(Reader& params, const std::vector<GroupKey>& keys, std::uint32_t endpoints);

struct GlobalCable {
  std::array<std::uint32_t, 2> group, router;
};

/// The cables between groups of `routers` with `ports` global ports each, at most routers * ports + 1 groups. The ports
/// of a group, in the order of its routers (consecutive), go in rounds to the groups +1, -1, +2, -2, ... from its own
/// (and once half way round, where there is one): the circulant-based arrangement of Hastings et al., "Comparing global
/// link arrangements for dragonfly networks", CLUSTER 2015. A round that does not fill leaves out the groups furthest
/// away, and a port where no other is left over. Where a router has several ports to one group, they go to different
/// routers of it as far as there are.
std::vector<GlobalCable> global_cables(std::uint32_t groups, std::uint32_t routers, std::uint32_t ports);

/// Adds them between the switches from vertex `first` on, `stride` of them in each group. A fault where two routers
/// would be joined twice.
void add_global_cables(Topology& topology, Reader& params, const std::vector<GlobalCable>& cables, std::uint32_t first,
                       std::uint32_t stride, const TopologyLink& link);

}  // namespace rehearse
