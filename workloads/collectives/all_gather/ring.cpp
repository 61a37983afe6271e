// Ring all_gather: one pass in which position i sends its own chunk i first; (n-1)(S/(nB) + L).
#include "workloads/collectives/ring.hpp"
#include "workloads/collectives/rows.hpp"

namespace rehearse {

namespace {

Pattern build(const CollectiveRequest& request) { return ring_passes(request, {{.reduce = false, .shift = 0}}); }

}  // namespace

const CollectiveRow all_gather_ring_row{"ring",
                                        CollectiveOp::all_gather,
                                        "one pass round a ring; bandwidth-optimal",
                                        build,
                                        {.rotates = true, .nccl = true}};

}  // namespace rehearse
