// Pipelined binary tree broadcast: k chunks down a tree in which the root has one child, others up to two; an inner
// rank sends a chunk to both in one step. At most ceil(lg n) alpha + 2 (ceil(lg n) - 1 + k) S/k beta (Sanders, Speck
// and Traeff 2009, Section 2).
#include "workloads/collectives/binomial.hpp"
#include "workloads/collectives/pipelined.hpp"
#include "workloads/collectives/rows.hpp"

namespace rehearse {

namespace {

Pattern build(const CollectiveRequest& request) {
  const Tree tree = in_order_tree(request.ranks);
  std::vector<std::uint64_t> ready(request.ranks, 0);
  std::vector<PipelinedWire> wires;
  broadcast_down({tree, order_from_root(request)}, ready, wires);
  return pipelined(request, 0, std::move(wires));
}

}  // namespace

const CollectiveRow broadcast_tree_row{
    "tree", CollectiveOp::broadcast, "chunk after chunk down a binary tree", build, {.pipelined = true}};

}  // namespace rehearse
