// Scatter and all_gather broadcast (van de Geijn): shares down a binomial tree, then once round a ring.
// (ceil(lg n) + n - 1) alpha + 2 (n-1)/n S beta (Thakur, Rabenseifner and Gropp 2005, Section 4.2).
#include "workloads/collectives/binomial.hpp"
#include "workloads/collectives/ring.hpp"
#include "workloads/collectives/rows.hpp"

namespace rehearse {

namespace {

Pattern build(const CollectiveRequest& request) {
  const std::uint32_t n = request.ranks;
  const auto shares = [all = request.elements, n](std::uint32_t child, std::uint32_t last) {
    const Slice first = all.part(child, n), end = all.part(last - 1, n);
    return Slice{first.first, end.first + end.count - first.first};
  };
  CollectiveRequest ring = request;
  ring.order = all_positions(n);
  Pattern from_zero = in_sequence({binomial_down(n, all_positions(n), request.channel, shares),
                                   ring_passes(ring, {{.reduce = false, .shift = 0}})});
  return placed(std::move(from_zero), n, order_from_root(request));
}

}  // namespace

const CollectiveRow broadcast_scatter_all_gather_row{"scatter_all_gather", CollectiveOp::broadcast,
                                                     "shares down a binomial tree, then round a ring", build};

}  // namespace rehearse
