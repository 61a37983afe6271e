// Recursive halving reduce_scatter, then recursive doubling all_gather (Rabenseifner 2004; Thakur, Rabenseifner and
// Gropp 2005). With n a power of two 2 lg n alpha + 2 (n-1)/n S beta. Else, with n' the power of two below and r = n -
// n', each even one of the first 2r ranks first sends all to the next and gets the result back at the end: two steps
// and 2 S beta more, and what the others send meanwhile shares the ports.
#include "workloads/collectives/recursive.hpp"
#include "workloads/collectives/rows.hpp"

namespace rehearse {

namespace {

Pattern build(const CollectiveRequest& request) {
  const RecursiveCore core = recursive_core(request.ranks);
  const std::vector<std::int64_t> bounds = even_bounds(core, request.elements);
  return in_sequence(
      {fold_in(core, request.channel, request.elements), recursive_halving(core, request.channel, bounds),
       recursive_doubling(core, request.channel, bounds), fold_out(core, request.channel, request.elements)});
}

}  // namespace

const CollectiveRow all_reduce_halving_doubling_row{
    "halving_doubling", CollectiveOp::all_reduce,
    "recursive halving, then recursive doubling; few steps and, for powers of two, bandwidth-optimal", build};

}  // namespace rehearse
