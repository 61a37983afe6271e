// Pipelined chain broadcast: k chunks from the root along the ring's order, as NCCL's broadcast does.
// (n - 1) alpha + (n - 2 + k) S/k beta; pipelines of chunks: Watts and van de Geijn 1995, "A pipelined broadcast for
// multidimensional meshes".
#include "workloads/collectives/pipelined.hpp"
#include "workloads/collectives/rows.hpp"

namespace rehearse {

namespace {

Pattern build(const CollectiveRequest& request) { return pipelined_broadcast(request, chain_tree(request.ranks)); }

}  // namespace

const CollectiveRow broadcast_chain_row{
    "chain", CollectiveOp::broadcast, "chunk after chunk from rank to rank", build, {.pipelined = true, .nccl = true}};

}  // namespace rehearse
