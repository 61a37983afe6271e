// Direct reduce_scatter: one step in which every rank sends every other that one's share, to be added. alpha +
// (n-1)/n S beta, as long as the ports are what limits: direct all_gather backwards.
#include "workloads/collectives/direct.hpp"
#include "workloads/collectives/rows.hpp"

namespace rehearse {

const CollectiveRow reduce_scatter_direct_row{"direct", CollectiveOp::reduce_scatter,
                                              "every rank's share straight to it, in one step", direct_reduce_scatter};

}  // namespace rehearse
