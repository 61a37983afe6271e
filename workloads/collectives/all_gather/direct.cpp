// Direct all_gather: one step in which every rank sends its share to every other. alpha + (n-1)/n S beta, as long as
// the ports are what limits (Chan et al. 2007, "Collective communication: theory, practice, and experience", Section
// 3).
#include "workloads/collectives/direct.hpp"
#include "workloads/collectives/rows.hpp"

namespace rehearse {

const CollectiveRow all_gather_direct_row{"direct", CollectiveOp::all_gather, "every share to every rank, in one step",
                                          direct_all_gather};

}  // namespace rehearse
