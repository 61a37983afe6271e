// Two shots: everyone sends share j to rank j, which adds them; then everyone sends its sum to all. Bandwidth-optimal
// in two steps of n - 1 messages for each rank: 2 (alpha + (n-1)/n S beta).
#include "workloads/collectives/direct.hpp"
#include "workloads/collectives/rows.hpp"

namespace rehearse {

namespace {

Pattern build(const CollectiveRequest& request) {
  return in_sequence({direct_reduce_scatter(request), direct_all_gather(request)});
}

}  // namespace

const CollectiveRow all_reduce_direct_row{"direct", CollectiveOp::all_reduce,
                                          "everyone to everyone, twice; two steps and bandwidth-optimal", build};

}  // namespace rehearse
