// Recursive doubling all_gather: lg n steps; what a rank has doubles with each (Thakur, Rabenseifner and Gropp 2005,
// Section 4.1). lg n alpha + (n-1)/n S beta for a power of two. Else, with n' = 2^floor(lg n), the first n - n' even
// ranks give their share to the next rank and at the end get everything from it: 2 alpha + (1 + 1/n) S beta more, and
// blocks of up to two shares in between.
#include "workloads/collectives/recursive.hpp"
#include "workloads/collectives/rows.hpp"

namespace rehearse {

namespace {

Pattern build(const CollectiveRequest& request) {
  const RecursiveCore core = recursive_core(request.ranks);
  const auto give_share = [n = request.ranks, folded = core.folded, all = request.elements, channel = request.channel](
                              std::uint64_t, std::vector<Transfer>& out) {
    for (std::uint32_t i = 0; i < folded; ++i) {
      const Slice share = all.part(std::int64_t{2} * i, n);
      out.push_back({.source = 2 * i,
                     .destination = 2 * i + 1,
                     .channel = channel,
                     .from = share.first,
                     .to = share.first,
                     .count = share.count});
    }
  };
  return in_sequence({stepwise(request.ranks, core.folded > 0 ? 1 : 0, give_share),
                      recursive_doubling(core, request.channel, folded_bounds(core, request.elements)),
                      fold_out(core, request.channel, request.elements)});
}

}  // namespace

const CollectiveRow all_gather_recursive_row{"recursive", CollectiveOp::all_gather,
                                             "recursive doubling; lg n steps, best for a power of two", build};

}  // namespace rehearse
