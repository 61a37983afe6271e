// Pipelined chain reduce: k chunks along the ring's order to the root, added on the way; the broadcast's chain
// backwards. (n - 1) alpha + (n - 2 + k) S/k beta.
#include "workloads/collectives/pipelined.hpp"
#include "workloads/collectives/rows.hpp"

namespace rehearse {

namespace {

Pattern build(const CollectiveRequest& request) { return pipelined_reduce(request, chain_tree(request.ranks)); }

}  // namespace

const CollectiveRow reduce_chain_row{
    "chain", CollectiveOp::reduce, "chunk after chunk from rank to rank", build, {.pipelined = true, .nccl = true}};

}  // namespace rehearse
