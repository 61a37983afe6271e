// Extended generalized fat trees: Öhring, Ibel, Das and Kumar, "On Generalized Fat Trees", IPPS 1995.
#pragma once

#include <vector>

#include "topologies/topology.hpp"

namespace rehearse {

/// XGFT(h; m_1..m_h; w_1..w_h). A tree of height i is m_i trees of height i - 1 below W_i = w_1 ... w_i roots: each of
/// the W_(i-1) roots of each subtree gets w_i parents, root y the parents y, y + W_(i-1), y + 2 W_(i-1), ... so that
/// a parent has m_i children, one in each subtree. A tree of height 0 is an endpoint.
struct Xgft {
  std::vector<std::uint64_t> children;  ///< m_1..m_h; m_h is the most that a root of the whole can have
  std::vector<std::uint64_t> parents;   ///< w_1..w_h; w_1 = 1: an endpoint has one port
  std::vector<TopologyLink> cables;     ///< of level i, between heights i and i + 1

  [[nodiscard]] std::size_t height() const { return children.size(); }
  /// W_i: roots of a tree of height i.
  [[nodiscard]] std::uint64_t roots(std::size_t i) const;
  /// Trees of height i that hold `endpoints` filled from the left, all but the last one full.
  [[nodiscard]] std::uint64_t trees(std::size_t i, std::uint64_t endpoints) const;
};

/// The tree with endpoint e at leaf position `slots[e]`, all different; `planes` of such trees, each with a cable to
/// every endpoint. A subtree without endpoints is left out; a switch with some has all its cables up. Slots beyond the
/// first tree's belong to further trees that nothing joins to it: NoRoute from one to another. Routes climb to the
/// lowest common height and descend the one way there is, in one plane. Own routings: `d_mod_k` and `ecmp`, which take
/// the digits (base w_2, w_3, ...) of a number as up-ports: of the destination's slot, or of a hash. The plane is
/// (source + destination) mod planes, so that an endpoint's flows to all others, and from all others, use the planes
/// evenly; or it is the lowest digit of the hash.
Topology build_xgft(const Xgft& tree, std::vector<std::uint64_t> slots, std::uint32_t planes = 1);

/// The slots 0, 1, ...: filled from the left.
std::vector<std::uint64_t> slots_from_left(std::uint32_t endpoints);

/// "leaf", "spine", "core", "tier4", ... of the switches at height 1, 2, ...
std::string switch_name(std::size_t height);

}  // namespace rehearse
