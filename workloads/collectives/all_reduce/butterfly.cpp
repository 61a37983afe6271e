// Recursive doubling of whole vectors: in step s each rank exchanges its sum with the one 2^s away (Thakur,
// Rabenseifner and Gropp 2005). With n a power of two lg n (alpha + S beta): the fewest steps of one message. Else the
// ranks above a power of two are folded in and out as in halving_doubling.
#include "workloads/collectives/recursive.hpp"
#include "workloads/collectives/rows.hpp"

namespace rehearse {

namespace {

Pattern build(const CollectiveRequest& request) {
  const RecursiveCore core = recursive_core(request.ranks);
  return in_sequence({fold_in(core, request.channel, request.elements),
                      recursive_exchange(core, request.channel, request.elements),
                      fold_out(core, request.channel, request.elements)});
}

}  // namespace

const CollectiveRow all_reduce_butterfly_row{
    "butterfly", CollectiveOp::all_reduce, "recursive doubling of whole vectors; lowest latency, for few bytes", build};

}  // namespace rehearse
