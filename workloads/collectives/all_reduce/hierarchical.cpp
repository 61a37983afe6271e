// Inside nodes and across them: ring reduce_scatter in each node, ring all_reduce of the j-th members of all nodes on
// share j, ring all_gather in each node. N nodes of m ranks:
// 2(m-1)(alpha + S/m beta) + 2(N-1)(alpha + S/(mN) beta), with 2 (N-1)/(mN) S of each rank between nodes (Cho, Finkler
// and Kung 2019, "BlueConnect"). Nodes that differ in size: reduced up a binary tree to the node's first member, ring
// all_reduce of those on everything, broadcast down the tree.
#include <algorithm>
#include <utility>

#include "workloads/collectives/pipelined.hpp"
#include "workloads/collectives/rows.hpp"
#include "workloads/collectives/two_levels.hpp"

namespace rehearse {

namespace {

Pattern with_heads(const CollectiveRequest& request) {
  std::vector<std::uint32_t> heads;
  std::vector<PipelinedWire> up, down;
  for (const std::vector<std::uint32_t>& node : request.nodes) {
    const Tree tree = in_order_tree(static_cast<std::uint32_t>(node.size()));
    NodeSteps ready(node.size());
    reduce_up({tree, node}, ready, up);
    std::ranges::fill(ready, 0);
    broadcast_down({tree, node}, ready, down);
    heads.push_back(node.front());
  }
  Pattern across = ring_all_reduce_among(request, heads, request.elements);
  for (Stretch& stretch : across.stretches) stretch.steady = false;  // heads of small nodes are there before the others
  return in_sequence({pipelined(request, 0, std::move(up)), std::move(across), pipelined(request, 0, std::move(down))});
}

Pattern build(const CollectiveRequest& request) {
  const bool alike = std::ranges::all_of(
      request.nodes, [&](const std::vector<std::uint32_t>& n) { return n.size() == request.nodes.front().size(); });
  return alike ? two_level_all_reduce(request, request.nodes) : with_heads(request);
}

}  // namespace

const CollectiveRow all_reduce_hierarchical_row{
    "hierarchical", CollectiveOp::all_reduce,
    "rings inside nodes, then across them on shares, then inside again; few bytes and steps between nodes", build};

}  // namespace rehearse
