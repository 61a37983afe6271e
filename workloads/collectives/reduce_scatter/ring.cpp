// Ring reduce_scatter: one reducing pass that leaves position i with the sum of chunk i; (n-1)(S/(nB) + L).
#include "workloads/collectives/ring.hpp"
#include "workloads/collectives/rows.hpp"

namespace rehearse {

namespace {

Pattern build(const CollectiveRequest& request) {
  // Chunk c ends at the position before the one that sends it first: it starts at c + 1.
  return ring_passes(request, {{.reduce = true, .shift = request.ranks - 1}});
}

}  // namespace

const CollectiveRow reduce_scatter_ring_row{"ring",
                                            CollectiveOp::reduce_scatter,
                                            "one reducing pass round a ring; bandwidth-optimal",
                                            build,
                                            {.rotates = true, .nccl = true}};

}  // namespace rehearse
