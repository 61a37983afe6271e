// Direct reduce_scatter: one step in which every rank sends every other that one's share, to be added. alpha +
// (n-1)/n S beta, as long as the ports are what limits: direct all_gather backwards.
#include "workloads/collectives/rows.hpp"

namespace rehearse {

namespace {

Pattern build(const CollectiveRequest& request) {
  const std::uint32_t n = request.ranks;
  return stepwise(n, n > 1 ? 1 : 0,
                  [n, all = request.elements, channel = request.channel](std::uint64_t, std::vector<Transfer>& out) {
                    for (std::uint32_t i = 0; i < n; ++i)
                      for (std::uint32_t k = 1; k < n; ++k) {
                        const Slice share = all.part((i + k) % n, n);
                        out.push_back({.source = i,
                                       .destination = (i + k) % n,
                                       .channel = channel,
                                       .reduce = true,
                                       .from = share.first,
                                       .to = share.first,
                                       .count = share.count});
                      }
                  });
}

}  // namespace

const CollectiveRow reduce_scatter_direct_row{"direct", CollectiveOp::reduce_scatter,
                                              "every rank's share straight to it, in one step", build};

}  // namespace rehearse
