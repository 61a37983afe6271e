// The greatest flow between two halves of the endpoints. Private to topologies.
#pragma once

#include <memory>
#include <vector>

#include "engine/base/units.hpp"
#include "topologies/flat_graph.hpp"

namespace rehearse {

/// One flow graph for any number of halves.
class CutFlow {
 public:
  /// `inner`: of flatten_inner; must outlive this.
  explicit CutFlow(const FlatGraph& inner);
  ~CutFlow();
  CutFlow(const CutFlow&) = delete;
  CutFlow& operator=(const CutFlow&) = delete;

  /// What so many endpoints of each group can send, all together, to the others of all groups, ports included. By the
  /// theorem of Ford and Fulkerson the capacity of the narrowest cut between them.
  BytesPerSecond between(const std::vector<std::size_t>& lower);

 private:
  struct Flow;
  const FlatGraph& graph_;
  std::unique_ptr<Flow> flow_;
};

}  // namespace rehearse
