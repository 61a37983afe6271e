// The rows of the collective tables, one file each. Private to workloads/collectives.
#pragma once

#include "workloads/collectives/collective.hpp"

namespace rehearse {

extern const CollectiveRow all_reduce_ring_row;
extern const CollectiveRow all_gather_ring_row;
extern const CollectiveRow reduce_scatter_ring_row;

}  // namespace rehearse
