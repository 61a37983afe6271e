// Private to topologies: the keys of trees of switches, which fat_tree and rail_optimized share.
#pragma once

#include <functional>

#include "topologies/parameters.hpp"
#include "topologies/xgft.hpp"

namespace rehearse {

/// What a tree must hold.
struct TreeDemand {
  std::int64_t levels = 2;       ///< of switches, where YAML does not say
  std::uint64_t leaf_ports = 0;  ///< ports down on a leaf of several levels; 0: as many as the radix gives
  std::function<std::uint64_t(const Xgft& tree)> slots;  ///< that it must have
};

/// Reads `levels`, `radix`, `oversubscription`, `bandwidth` and `latency` (fat_tree.cpp says what they mean). No
/// children after a fault.
Xgft read_tree(Reader& params, const TopologyRequest& request, const TreeDemand& demand);

/// "port", "leaf-spine", "spine-core", "core-tier4", ... of the cables between heights `level` and `level` + 1.
std::string cable_class(std::size_t level);

/// Slots of a whole tree; 2^32 - 1 where there are more.
std::uint64_t capacity(const Xgft& tree);

/// Cables of the tree with the first `slots` filled.
double cable_count(const Xgft& tree, std::uint64_t slots);

}  // namespace rehearse
