// NCCL's tree: a chain inside each node towards its head, two binary trees over the heads, half of the data each, and
// back down the same way; chunk after chunk, a chunk going down while later ones come up (NCCL 2.4, "Massively scale
// your deep learning training with NCCL 2.4", 2019). On channel c the head of a node is its c-th member (modulo their
// number), so that channels leave through other NICs. Nodes of one rank: as double_binary_tree. One node, one chunk:
// 2(n-1)(alpha + S beta). N nodes of m ranks, k chunks of c = S/k: at most
// 2 (m - 1 + ceil(lg N))(alpha + 3 c beta) + (k - 1) 3 c beta, where a head passes on three chunks' bytes each way.
#include <utility>

#include "workloads/collectives/binomial.hpp"
#include "workloads/collectives/pipelined.hpp"
#include "workloads/collectives/rows.hpp"

namespace rehearse {

namespace {

/// The tree over the nodes as one over all ranks.
Tree with_chains(const Tree& over_nodes, const CollectiveRequest& request) {
  const auto member = [&](std::uint32_t node, std::size_t i) {
    const std::vector<std::uint32_t>& members = request.nodes[node];
    return members[(request.channel + i) % members.size()];
  };
  std::vector<std::uint32_t> parent(request.ranks, Tree::none);
  for (std::uint32_t node = 0; node < over_nodes.size(); ++node) {
    if (node != over_nodes.root()) parent[member(node, 0)] = member(over_nodes.parent[node], 0);
    for (std::size_t i = 1; i < request.nodes[node].size(); ++i) parent[member(node, i)] = member(node, i - 1);
  }
  return tree_of(std::move(parent));
}

Pattern build(const CollectiveRequest& request) {
  const std::array<Tree, 2> over_nodes = double_binary_trees(static_cast<std::uint32_t>(request.nodes.size()));
  const std::vector<std::uint32_t> positions = all_positions(request.ranks);
  std::vector<PipelinedWire> wires;
  for (std::uint32_t half = 0; half < 2; ++half) {
    const Tree tree = with_chains(over_nodes[half], request);
    NodeSteps ready(request.ranks);
    reduce_and_broadcast({tree, positions, half, 2, 2 * half}, ready, wires);
  }
  return pipelined(request, 0, std::move(wires));
}

}  // namespace

const CollectiveRow all_reduce_nccl_tree_row{
    "nccl_tree",
    CollectiveOp::all_reduce,
    "a chain inside each node, two binary trees across nodes; few steps, few bytes between nodes",
    build,
    {.pipelined = true, .rotates = true, .nccl = true}};

}  // namespace rehearse
