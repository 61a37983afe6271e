// Dissemination barrier: in step k every rank tells the one 2^k after it. ceil(lg n) alpha (Hensgen, Finkel and Manber
// 1988, "Two algorithms for barrier synchronization").
#include <bit>

#include "workloads/collectives/rows.hpp"

namespace rehearse {

namespace {

Pattern build(const CollectiveRequest& request) {
  const std::uint32_t n = request.ranks;
  return stepwise(n, static_cast<std::uint64_t>(std::bit_width(n - 1)),
                  [n, channel = request.channel](std::uint64_t step, std::vector<Transfer>& out) {
                    for (std::uint32_t i = 0; i < n; ++i)
                      out.push_back({.source = i, .destination = (i + (1U << step)) % n, .channel = channel});
                  });
}

}  // namespace

const CollectiveRow barrier_dissemination_row{"dissemination",
                                              CollectiveOp::barrier,
                                              "ceil(lg n) steps, in each to one rank and from one",
                                              build,
                                              {.nccl = true}};

}  // namespace rehearse
