// Pipelined chain broadcast: k chunks from the root along the ring's order, as NCCL's broadcast does.
// (n - 1) alpha + (n - 2 + k) S/k beta; pipelines of chunks: Watts and van de Geijn 1995, "A pipelined broadcast for
// multidimensional meshes".
#include "workloads/collectives/binomial.hpp"
#include "workloads/collectives/pipelined.hpp"
#include "workloads/collectives/rows.hpp"

namespace rehearse {

namespace {

Pattern build(const CollectiveRequest& request) {
  const Tree chain = chain_tree(request.ranks);
  std::vector<std::uint64_t> ready(request.ranks, 0);
  std::vector<PipelinedWire> wires;
  broadcast_down({chain, order_from_root(request)}, ready, wires);
  return pipelined(request, 0, std::move(wires));
}

}  // namespace

const CollectiveRow broadcast_chain_row{
    "chain", CollectiveOp::broadcast, "chunk after chunk from rank to rank", build, {.pipelined = true, .nccl = true}};

}  // namespace rehearse
