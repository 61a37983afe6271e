// Ring all_reduce: a reduce_scatter pass, then an all_gather pass; 2(n-1)(S/(nB) + L) on an idle network
// (Patarasuk and Yuan 2009).
#include "workloads/collectives/ring.hpp"
#include "workloads/collectives/rows.hpp"

namespace rehearse {

namespace {

Pattern build(const CollectiveRequest& request) {
  // After the first pass position i holds the sum of chunk i + 1, which it sends first in the second.
  return ring_passes(request, {{.reduce = true, .shift = 0}, {.reduce = false, .shift = 1}});
}

}  // namespace

const CollectiveRow all_reduce_ring_row{"ring",
                                        CollectiveOp::all_reduce,
                                        "reduce_scatter and all_gather round a ring; bandwidth-optimal",
                                        build,
                                        {.rotates = true, .nccl = true}};

}  // namespace rehearse
