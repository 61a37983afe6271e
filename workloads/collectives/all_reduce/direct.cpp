// Two shots: everyone sends share j to rank j, which adds them; then everyone sends its sum to all. Bandwidth-optimal
// in two steps of n - 1 messages for each rank: 2 (alpha + (n-1)/n S beta).
#include "workloads/collectives/rows.hpp"

namespace rehearse {

namespace {

Pattern build(const CollectiveRequest& request) {
  const std::uint32_t n = request.ranks;
  const auto make = [n, elements = request.elements, channel = request.channel](std::uint64_t step,
                                                                                std::vector<Transfer>& to) {
    for (std::uint32_t i = 0; i < n; ++i)
      for (std::uint32_t k = 1; k < n; ++k) {
        const std::uint32_t j = (i + k) % n;
        const Slice share = elements.part(step == 0 ? j : i, n);
        to.push_back({.source = i,
                      .destination = j,
                      .channel = channel,
                      .reduce = step == 0,
                      .from = share.first,
                      .to = share.first,
                      .count = share.count});
      }
  };
  return stepwise(n, n > 1 ? 2 : 0, make);
}

}  // namespace

const CollectiveRow all_reduce_direct_row{"direct", CollectiveOp::all_reduce,
                                          "everyone to everyone, twice; two steps and bandwidth-optimal", build};

}  // namespace rehearse
