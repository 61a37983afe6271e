// Binomial tree reduce: the broadcast's tree backwards; in each of ceil(lg n) steps half of the ranks that are left
// send what they have added up. ceil(lg n)(alpha + S beta) (Thakur, Rabenseifner and Gropp 2005, Section 4.4).
#include "workloads/collectives/binomial.hpp"
#include "workloads/collectives/rows.hpp"

namespace rehearse {

namespace {

Pattern build(const CollectiveRequest& request) {
  return binomial_up(request.ranks, order_from_root(request), request.channel, true,
                     [all = request.elements](std::uint32_t, std::uint32_t) { return all; });
}

}  // namespace

const CollectiveRow reduce_binomial_tree_row{"binomial_tree", CollectiveOp::reduce,
                                             "all data up a binomial tree; ceil(lg n) steps", build};

}  // namespace rehearse
