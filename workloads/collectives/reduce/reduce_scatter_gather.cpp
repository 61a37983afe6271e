// Reduce_scatter and gather reduce (Rabenseifner 2004): recursive halving, then the sums up a binomial tree.
// 2 lg n alpha + 2 (n-1)/n S beta for a power of two (Thakur, Rabenseifner and Gropp 2005, Section 4.4). Else, with
// n' = 2^floor(lg n), n - n' ranks first give everything to another one: alpha + S beta more, and n' for n.
#include <algorithm>

#include "workloads/collectives/binomial.hpp"
#include "workloads/collectives/recursive.hpp"
#include "workloads/collectives/rows.hpp"

namespace rehearse {

namespace {

Pattern build(const CollectiveRequest& request) {
  const std::uint32_t n = request.ranks;
  const RecursiveCore core = recursive_core(n);
  const std::vector<std::int64_t> bounds = even_bounds(core, request.elements);
  const auto blocks = [bounds](std::uint32_t child, std::uint32_t last) {
    return Slice{bounds[child], bounds[last] - bounds[child]};
  };
  Pattern to_first =
      in_sequence({fold_in(core, request.channel, request.elements), recursive_halving(core, request.channel, bounds),
                   binomial_up(n, core.members, request.channel, false, blocks)});
  std::vector<std::uint32_t> positions = order_from_root(request);  // the root has to be the first that exchanges
  std::rotate(positions.begin(), positions.end() - core.members.front(), positions.end());
  return placed(std::move(to_first), n, std::move(positions));
}

}  // namespace

const CollectiveRow reduce_reduce_scatter_gather_row{"reduce_scatter_gather", CollectiveOp::reduce,
                                                     "recursive halving, then the sums up a binomial tree", build};

}  // namespace rehearse
