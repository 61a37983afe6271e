#include "topologies/groups.hpp"

#include <algorithm>
#include <numeric>
#include <set>

namespace rehearse {
namespace {

std::uint64_t divided_up(std::uint64_t a, std::uint64_t b) { return (a + b - 1) / b; }

GroupSizes balanced(const std::vector<GroupKey>& keys, std::uint64_t base) {
  GroupSizes sizes;
  for (const GroupKey& key : keys) sizes.counts.push_back(key.share * base);
  return sizes;
}

// Whether the endpoints fit into `groups`, or into any number of groups where that is 0.
bool holds(const GroupSizes& sizes, std::uint64_t groups, std::uint32_t endpoints) {
  const std::uint64_t most = sizes.global_ports() + 1;
  return groups <= most && sizes.endpoints() * (groups > 0 ? groups : most) >= endpoints;
}

std::uint64_t smallest_balanced(const std::vector<GroupKey>& keys, std::uint64_t groups, std::uint32_t endpoints) {
  std::uint64_t base = 1;
  while (!holds(balanced(keys, base), groups, endpoints)) ++base;
  return base;
}

void check_groups(Reader& params, const std::vector<GroupKey>& keys, const GroupSizes& sizes, std::uint64_t groups,
                  std::uint32_t endpoints) {
  const std::uint64_t most = sizes.global_ports() + 1, needed = divided_up(endpoints, sizes.endpoints());
  if (groups > most) {
    params.fault("groups", "groups of " + std::to_string(sizes.global_ports()) +
                               " global links are joined each to each up to " + std::to_string(most) +
                               " of them, found " + std::to_string(groups));
  } else if (!holds(sizes, groups, endpoints)) {
    const std::uint64_t held = sizes.endpoints() * (groups > 0 ? groups : most);
    params.fault("groups",
                 "these groups hold at most " + std::to_string(held) + " endpoints, but " + std::to_string(endpoints) +
                     " are to be attached; " +
                     (needed <= most ? std::to_string(needed) + " groups hold them"
                                     : "the smallest balanced ones that hold them have " + std::string(keys[0].name) +
                                           ": " + std::to_string(smallest_balanced(keys, groups, endpoints))));
  }
}

// The ports of a group that go to the groups +d and -d, for each d from 1 on, in the order of their rounds.
struct PortsOfOffset {
  std::vector<std::uint32_t> up, down;
};

std::vector<PortsOfOffset> ports_of_offsets(std::uint32_t groups, std::uint32_t ports) {
  std::vector<PortsOfOffset> offsets(groups / 2 + 1);
  for (std::uint32_t base = 0; base < ports; base += groups - 1) {
    const std::uint32_t round = std::min(groups - 1, ports - base);
    const bool half = round % 2 == 1 && groups % 2 == 0;  // half way round: the same group both ways
    if (half) {
      offsets[groups / 2].up.push_back(base);
      offsets[groups / 2].down.push_back(base);
    }
    for (std::uint32_t d = 1; d <= round / 2; ++d) {
      offsets[d].up.push_back(base + 2 * (d - 1) + (half ? 1 : 0));
      offsets[d].down.push_back(offsets[d].up.back() + 1);
    }
  }
  return offsets;
}

// The numbers below `count` by their remainder and then by their quotient: what stands within `stride` is set apart.
std::vector<std::uint32_t> transposed(std::size_t count, std::uint32_t stride) {
  std::vector<std::uint32_t> order(count), rank(count);
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return std::pair{a % stride, a} < std::pair{b % stride, b};
  });
  for (std::uint32_t r = 0; r < count; ++r) rank[order[r]] = r;
  return rank;
}

}  // namespace

GroupSizes read_groups(Reader& params, const std::vector<GroupKey>& keys, std::uint32_t endpoints) {
  const bool faults_before = params.any_fault();
  const std::uint64_t groups = params.has("groups") ? read_count(params, "groups", 1) : 0;
  params.child("groups");  // a known key
  std::uint64_t base = 0;
  for (const GroupKey& key : keys)
    if (base == 0 && params.has(key.name)) base = divided_up(read_count(params, key.name, 1), key.share);
  if (base == 0) base = smallest_balanced(keys, groups, endpoints);
  GroupSizes sizes;
  for (const GroupKey& key : keys) sizes.counts.push_back(read_count(params, key.name, key.share * base));
  sizes.groups = groups > 0 ? groups : divided_up(endpoints, sizes.endpoints());
  if (params.any_fault() && !faults_before) return {};
  check_groups(params, keys, sizes, groups, endpoints);
  return params.any_fault() ? GroupSizes{} : sizes;
}

std::vector<GlobalCable> global_cables(std::uint32_t groups, std::uint32_t routers, std::uint32_t ports) {
  std::vector<GlobalCable> cables;
  if (groups == 1) return cables;
  const std::vector<PortsOfOffset> offsets = ports_of_offsets(groups, routers * ports);
  // From a port to the next that goes to the same group, at least; and the ports of a router that may go to one.
  const std::uint32_t step = std::max(1u, groups % 2 == 0 ? groups - 2 : groups - 1);
  const std::uint32_t to_one_group = (ports + step - 1) / step;
  for (std::uint32_t d = 1; d < offsets.size(); ++d) {
    const PortsOfOffset& offset = offsets[d];
    const std::vector<std::uint32_t> partner = transposed(offset.up.size(), to_one_group);
    for (std::uint32_t group = 0; group < (2 * d == groups ? d : groups); ++group)
      for (std::size_t c = 0; c < offset.up.size(); ++c)
        cables.push_back({{group, (group + d) % groups}, {offset.up[c] / ports, offset.down[partner[c]] / ports}});
  }
  return cables;
}

void add_global_cables(Topology& topology, Reader& params, const std::vector<GlobalCable>& cables, std::uint32_t first,
                       std::uint32_t stride, const TopologyLink& link) {
  std::set<std::pair<std::uint32_t, std::uint32_t>> joined;
  for (const GlobalCable& cable : cables) {
    const std::uint32_t from = first + cable.group[0] * stride + cable.router[0];
    const std::uint32_t to = first + cable.group[1] * stride + cable.router[1];
    if (!joined.insert(std::minmax(from, to)).second) {
      params.fault("global_links", "so many global links would join two routers twice; choose more groups or fewer");
      return;
    }
    add_cable(topology, from, to, link);
  }
}

}  // namespace rehearse
