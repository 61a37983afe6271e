// Pipelines of chunks over trees and switches. Private to workloads/collectives.
#pragma once

#include "workloads/collectives/collective.hpp"
#include "workloads/collectives/tree_shapes.hpp"

namespace rehearse {

/// Hands on a part of every chunk: of chunk i (of request.chunks) the share `part` of `parts`, in step start + i.
struct PipelinedWire {
  std::uint32_t source = 0, destination = 0;
  bool reduce = false;
  std::uint32_t part = 0, parts = 1;
  std::uint64_t start = 0;
  /// A position sends the chunks of each stream in order, whatever holds up its other streams: a channel of its own.
  /// What comes to a position must be sent on in one stream, in one step.
  std::uint32_t stream = 0;
};

/// All wires together. If request.fluid the first and the last few chunks and, between them, one stream of all others.
Pattern pipelined(const CollectiveRequest& request, std::uint32_t switches, std::vector<PipelinedWire> wires);

/// When each node of a tree may begin, and later when it is done: steps.
using NodeSteps = std::vector<std::uint64_t>;

/// For trees whose node i is the position positions[i] and has its own data from step ready[i] on. What the nodes hand
/// on is the share `part` of `parts`.
struct PlacedTree {
  const Tree& tree;
  const std::vector<std::uint32_t>& positions;
  std::uint32_t part = 0, parts = 1;
  std::uint32_t stream = 0;
};
/// Wires that reduce up to the root, as early as may be; children of a node may come in one step. Moves ready[i] on to
/// the step from which node i has sent its sum, or the root has the whole.
void reduce_up(const PlacedTree& placed, NodeSteps& ready, std::vector<PipelinedWire>& wires);
/// Wires that broadcast down from the root, which begins in step ready[root]. Moves every other ready[i] on to the step
/// from which node i has it.
void broadcast_down(const PlacedTree& placed, NodeSteps& ready, std::vector<PipelinedWire>& wires);
/// Both, the way down in the stream after that of the way up: chunks go down while later ones come up.
void reduce_and_broadcast(PlacedTree placed, NodeSteps& ready, std::vector<PipelinedWire>& wires);

/// Whole collectives over one tree, whose node i is the i-th position from the root on (order_from_root).
Pattern pipelined_broadcast(const CollectiveRequest& request, const Tree& tree);
Pattern pipelined_reduce(const CollectiveRequest& request, const Tree& tree);

}  // namespace rehearse
