// all_reduce in two dimensions. Private to workloads/collectives.
#pragma once

#include "workloads/collectives/collective.hpp"

namespace rehearse {

/// Ring reduce_scatter inside each group, ring all_reduce of the j-th members of all groups on share j, ring all_gather
/// inside each group. Groups of m positions each, together all. With N groups:
/// 2(m-1)(alpha + S/m beta) + 2(N-1)(alpha + S/(mN) beta).
Pattern two_level_all_reduce(const CollectiveRequest& request, const std::vector<std::vector<std::uint32_t>>& groups);

/// Ring all_reduce of `elements` among some of the positions, in the order in which they stand.
Pattern ring_all_reduce_among(const CollectiveRequest& request, const std::vector<std::uint32_t>& positions,
                              Slice elements);

}  // namespace rehearse
