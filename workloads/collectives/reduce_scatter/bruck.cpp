// Bruck's all_gather backwards: the messages reversed, and added where they were copied; ceil(lg n) steps for any n.
// ceil(lg n) alpha + (n-1)/n S beta. (Such reduce_scatters on circulant graphs: Traeff 2024, "Optimal, non-pipelined
// reduce-scatter and allreduce algorithms".)
#include "workloads/collectives/bruck.hpp"
#include "workloads/collectives/rows.hpp"

namespace rehearse {

namespace {

Pattern build(const CollectiveRequest& request) {
  const std::uint32_t n = request.ranks;
  if (n < 2) return {.ranks = n};
  const RotatedShares shares(request);
  const std::uint64_t last = shares.steps() - 1;
  Pattern out = in_sequence(
      {stepwise(n, n,
                [shares](std::uint64_t step, std::vector<Transfer>& to) {
                  shares.copy_in(static_cast<std::uint32_t>(step), to);
                }),
       stepwise(n, shares.steps(),
                [shares, last](std::uint64_t step, std::vector<Transfer>& to) { shares.scatter(last - step, to); }),
       stepwise(n, 1, [shares](std::uint64_t, std::vector<Transfer>& to) { shares.copy_out(0, to); })});
  out.buffer = 2 * request.total;
  return out;
}

}  // namespace

const CollectiveRow reduce_scatter_bruck_row{"bruck", CollectiveOp::reduce_scatter,
                                             "ceil(lg n) steps for any number of ranks", build};

}  // namespace rehearse
