// Binomial tree broadcast: in each of ceil(lg n) steps every rank that has the data sends all of it to one that has
// not. ceil(lg n)(alpha + S beta) (Thakur, Rabenseifner and Gropp 2005, Section 4.2).
#include "workloads/collectives/binomial.hpp"
#include "workloads/collectives/rows.hpp"

namespace rehearse {

namespace {

Pattern build(const CollectiveRequest& request) {
  return binomial_down(request.ranks, order_from_root(request), request.channel,
                       [all = request.elements](std::uint32_t, std::uint32_t) { return all; });
}

}  // namespace

const CollectiveRow broadcast_binomial_tree_row{"binomial_tree", CollectiveOp::broadcast,
                                                "all data down a binomial tree; ceil(lg n) steps", build};

}  // namespace rehearse
