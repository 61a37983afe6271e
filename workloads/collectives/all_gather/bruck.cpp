// Bruck's all_gather: ceil(lg n) steps for any n; in step k every rank hands all its shares, as many as lack, to the
// one 2^k before it (Bruck et al. 1997, Section 4). ceil(lg n) alpha + (n-1)/n S beta. The shares stand rotated behind
// the vector, so that a message is one piece; they are copied in before and out after.
#include "workloads/collectives/bruck.hpp"
#include "workloads/collectives/rows.hpp"

namespace rehearse {

namespace {

Pattern build(const CollectiveRequest& request) {
  const std::uint32_t n = request.ranks;
  if (n < 2) return {.ranks = n};
  const RotatedShares shares(request);
  Pattern out =
      in_sequence({stepwise(n, 1, [shares](std::uint64_t, std::vector<Transfer>& to) { shares.copy_in(0, to); }),
                   stepwise(n, shares.steps(),
                            [shares](std::uint64_t step, std::vector<Transfer>& to) { shares.gather(step, to); }),
                   stepwise(n, n - 1, [shares](std::uint64_t step, std::vector<Transfer>& to) {
                     shares.copy_out(static_cast<std::uint32_t>(step) + 1, to);
                   })});
  out.buffer = 2 * request.total;
  return out;
}

}  // namespace

const CollectiveRow all_gather_bruck_row{"bruck", CollectiveOp::all_gather, "ceil(lg n) steps for any number of ranks",
                                         build};

}  // namespace rehearse
