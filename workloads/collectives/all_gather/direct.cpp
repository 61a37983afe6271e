// Direct all_gather: one step in which every rank sends its share to every other. alpha + (n-1)/n S beta, as long as
// the ports are what limits (Chan et al. 2007, "Collective communication: theory, practice, and experience", Section
// 3).
#include "workloads/collectives/rows.hpp"

namespace rehearse {

namespace {

Pattern build(const CollectiveRequest& request) {
  const std::uint32_t n = request.ranks;
  return stepwise(n, n > 1 ? 1 : 0,
                  [n, all = request.elements, channel = request.channel](std::uint64_t, std::vector<Transfer>& out) {
                    for (std::uint32_t i = 0; i < n; ++i)
                      for (std::uint32_t k = 1; k < n; ++k) {
                        const Slice share = all.part(i, n);
                        out.push_back({.source = i,
                                       .destination = (i + k) % n,
                                       .channel = channel,
                                       .from = share.first,
                                       .to = share.first,
                                       .count = share.count});
                      }
                  });
}

}  // namespace

const CollectiveRow all_gather_direct_row{"direct", CollectiveOp::all_gather, "every share to every rank, in one step",
                                          build};

}  // namespace rehearse
