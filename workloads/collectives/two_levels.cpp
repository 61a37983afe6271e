#include "workloads/collectives/two_levels.hpp"

#include <utility>

#include "workloads/collectives/binomial.hpp"
#include "workloads/collectives/ring.hpp"

namespace rehearse {

namespace {

using Group = std::vector<std::uint32_t>;

Pattern ring_among(const CollectiveRequest& request, const Group& positions, Slice elements,
                   std::vector<RingPass> passes) {
  const auto n = static_cast<std::uint32_t>(positions.size());
  const CollectiveRequest ring{.ranks = n, .elements = elements, .channel = request.channel, .order = all_positions(n)};
  return placed(ring_passes(ring, std::move(passes)), request.ranks, positions);
}

/// One pass inside each group.
Pattern in_groups(const CollectiveRequest& request, const std::vector<Group>& groups, RingPass pass) {
  std::vector<Pattern> patterns;
  for (const Group& group : groups) patterns.push_back(ring_among(request, group, request.elements, {pass}));
  return side_by_side(std::move(patterns));
}

}  // namespace

Pattern ring_all_reduce_among(const CollectiveRequest& request, const Group& positions, Slice elements) {
  return ring_among(request, positions, elements, {{.reduce = true, .shift = 0}, {.reduce = false, .shift = 1}});
}

Pattern two_level_all_reduce(const CollectiveRequest& request, const std::vector<Group>& groups) {
  const auto m = static_cast<std::uint32_t>(groups.front().size());
  std::vector<Pattern> across;
  for (std::uint32_t j = 0; j < m; ++j) {
    Group members;
    for (const Group& group : groups) members.push_back(group[j]);
    across.push_back(ring_all_reduce_among(request, members, request.elements.part(j, m)));
  }
  // The first pass leaves the j-th member with the sum of share j, which it sends first in the last one.
  return in_sequence({in_groups(request, groups, {.reduce = true, .shift = m - 1}), side_by_side(std::move(across)),
                      in_groups(request, groups, {.reduce = false, .shift = 0})});
}

}  // namespace rehearse
