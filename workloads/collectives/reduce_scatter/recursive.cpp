// Recursive halving reduce_scatter: lg n steps; what a rank still adds up halves with each (Thakur, Rabenseifner and
// Gropp 2005, Section 4.3). lg n alpha + (n-1)/n S beta for a power of two. Else, with n' = 2^floor(lg n), the first
// n - n' even ranks give everything to the next rank and at the end get their share from it: 2 alpha + (1 + 1/n) S beta
// more, and blocks of up to two shares in between.
#include "workloads/collectives/recursive.hpp"
#include "workloads/collectives/rows.hpp"

namespace rehearse {

namespace {

Pattern build(const CollectiveRequest& request) {
  const RecursiveCore core = recursive_core(request.ranks);
  const auto return_share = [n = request.ranks, folded = core.folded, all = request.elements,
                             channel = request.channel](std::uint64_t, std::vector<Transfer>& out) {
    for (std::uint32_t i = 0; i < folded; ++i) {
      const Slice share = all.part(std::int64_t{2} * i, n);
      out.push_back({.source = 2 * i + 1,
                     .destination = 2 * i,
                     .channel = channel,
                     .from = share.first,
                     .to = share.first,
                     .count = share.count});
    }
  };
  return in_sequence({fold_in(core, request.channel, request.elements),
                      recursive_halving(core, request.channel, folded_bounds(core, request.elements)),
                      stepwise(request.ranks, core.folded > 0 ? 1 : 0, return_share)});
}

}  // namespace

const CollectiveRow reduce_scatter_recursive_row{"recursive", CollectiveOp::reduce_scatter,
                                                 "recursive halving; lg n steps, best for a power of two", build};

}  // namespace rehearse
