// Trees of ranks. Private to workloads/collectives.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace rehearse {

struct Tree {
  static constexpr std::uint32_t none = UINT32_MAX;
  std::vector<std::uint32_t> parent;  ///< by node; none: the root
  std::vector<std::uint32_t> order;   ///< parents before children, siblings ascending; the root first

  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(parent.size()); }
  [[nodiscard]] std::uint32_t root() const { return order.front(); }
};

/// The tree that the parents make.
Tree tree_of(std::vector<std::uint32_t> parent);

/// The binary tree in whose order the nodes above the root 0 are 1..n-1: a node's height is the number of its trailing
/// zeros, odd ones are leaves. The root has one child; ceil(lg n) levels of edges.
Tree in_order_tree(std::uint32_t n);

/// Each of two binary trees for half of the data (Sanders, Speck and Traeff 2009): the in-order tree, and the same
/// mirrored (n even) or shifted by one (n odd). No node has more than two children in both together; where n is even
/// each is a leaf of one of them.
std::array<Tree, 2> double_binary_trees(std::uint32_t n);

/// Node i's parent is i - 1.
Tree chain_tree(std::uint32_t n);

}  // namespace rehearse
