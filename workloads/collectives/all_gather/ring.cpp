// Ring all_gather: one pass in which position i sends its own chunk i first; (n-1)(S/(nB) + L).
#include "workloads/collectives/ring.hpp"
#include "workloads/collectives/rows.hpp"

namespace rehearse {

namespace {

Pattern build(std::uint32_t ranks, std::int64_t elements, const CollectiveOptions& options) {
  const RingPass passes[] = {{.reduce = false, .shift = 0}};
  return ring_passes(ranks, elements, options, passes);
}

}  // namespace

const CollectiveRow all_gather_ring_row{"ring", CollectiveOp::all_gather, "one pass round a ring; bandwidth-optimal",
                                        build};

}  // namespace rehearse
