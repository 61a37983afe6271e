#include "workloads/collectives/tree_shapes.hpp"

#include <cassert>
#include <utility>

namespace rehearse {

namespace {

/// With b the lowest bit of a node, its parent is b away, on the side where the parent's lowest bit is 2b; without
/// such a node, on the other side.
std::uint32_t in_order_parent(std::uint32_t node, std::uint32_t n) {
  if (node == 0) return Tree::none;
  const std::uint32_t bit = node & (~node + 1);
  const std::uint32_t up = (node ^ bit) | (bit << 1);
  return up < n ? up : node ^ bit;
}

}  // namespace

Tree tree_of(std::vector<std::uint32_t> parent) {
  Tree tree{std::move(parent), {}};
  std::vector<std::vector<std::uint32_t>> children(tree.size());
  for (std::uint32_t i = 0; i < tree.size(); ++i) {
    if (tree.parent[i] == Tree::none)
      tree.order.push_back(i);
    else
      children[tree.parent[i]].push_back(i);
  }
  for (std::size_t i = 0; i < tree.order.size(); ++i) {
    const std::uint32_t node = tree.order[i];
    tree.order.insert(tree.order.end(), children[node].begin(), children[node].end());
  }
  assert(tree.order.size() == tree.parent.size());
  return tree;
}

Tree in_order_tree(std::uint32_t n) {
  std::vector<std::uint32_t> parent;
  for (std::uint32_t i = 0; i < n; ++i) parent.push_back(in_order_parent(i, n));
  return tree_of(std::move(parent));
}

std::array<Tree, 2> double_binary_trees(std::uint32_t n) {
  Tree first = in_order_tree(n);
  const auto other = [n](std::uint32_t i) { return n % 2 == 0 ? n - 1 - i : (i + 1) % n; };
  std::vector<std::uint32_t> parent(n, Tree::none);
  for (std::uint32_t i = 1; i < n; ++i) parent[other(i)] = other(first.parent[i]);
  return {std::move(first), tree_of(std::move(parent))};
}

Tree chain_tree(std::uint32_t n) {
  std::vector<std::uint32_t> parent;
  for (std::uint32_t i = 0; i < n; ++i) parent.push_back(i == 0 ? Tree::none : i - 1);
  return tree_of(std::move(parent));
}

}  // namespace rehearse
