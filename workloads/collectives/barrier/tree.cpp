// Tree barrier: up a binomial tree, and down again. 2 floor(lg n) alpha.
#include "workloads/collectives/binomial.hpp"
#include "workloads/collectives/rows.hpp"

namespace rehearse {

namespace {

Pattern build(const CollectiveRequest& request) {
  const auto nothing = [](std::uint32_t, std::uint32_t) { return Slice{}; };
  return in_sequence({binomial_up(request.ranks, request.order, request.channel, false, nothing),
                      binomial_down(request.ranks, request.order, request.channel, nothing)});
}

}  // namespace

const CollectiveRow barrier_tree_row{"tree", CollectiveOp::barrier, "up a binomial tree and down again", build};

}  // namespace rehearse
