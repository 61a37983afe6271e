// Pipelined chain reduce: k chunks along the ring's order to the root, added on the way; the broadcast's chain
// backwards. (n - 1) alpha + (n - 2 + k) S/k beta.
#include "workloads/collectives/binomial.hpp"
#include "workloads/collectives/pipelined.hpp"
#include "workloads/collectives/rows.hpp"

namespace rehearse {

namespace {

Pattern build(const CollectiveRequest& request) {
  const Tree chain = chain_tree(request.ranks);
  std::vector<std::uint64_t> ready(request.ranks, 0);
  std::vector<PipelinedWire> wires;
  reduce_up({chain, order_from_root(request)}, ready, wires);
  return pipelined(request, 0, std::move(wires));
}

}  // namespace

const CollectiveRow reduce_chain_row{
    "chain", CollectiveOp::reduce, "chunk after chunk from rank to rank", build, {.pipelined = true, .nccl = true}};

}  // namespace rehearse
