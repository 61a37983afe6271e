// Ring reduce_scatter: one reducing pass that leaves position i with the sum of chunk i; (n-1)(S/(nB) + L).
#include "workloads/collectives/ring.hpp"
#include "workloads/collectives/rows.hpp"

namespace rehearse {

namespace {

Pattern build(std::uint32_t ranks, std::int64_t elements, const CollectiveOptions& options) {
  // Chunk c ends at the position before the one that sends it first: it starts at c + 1.
  const RingPass passes[] = {{.reduce = true, .shift = ranks - 1}};
  return ring_passes(ranks, elements, options, passes);
}

}  // namespace

const CollectiveRow reduce_scatter_ring_row{"ring", CollectiveOp::reduce_scatter,
                                            "one reducing pass round a ring; bandwidth-optimal", build};

}  // namespace rehearse
