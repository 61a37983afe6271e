// Folding: GPUs that provably do the same at the same time are simulated once.
//
// The workers, groups, wires and links of a run form a graph. Colour refinement finds its coarsest equitable partition:
// workers of one class run the same program, wires of one class carry the same flows, and every link of a class is
// crossed by equally many wires of each class. (A link that serves flows which are never under way together counts as
// several.) Flows of a class then start together, get the same max-min rate and end together, so one flow that crosses
// the class of a link as often as the members cross one link of it stands for all of them exactly. Nothing is assumed
// about the topology: what is not symmetric gets classes of its own.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/network.hpp"
#include "workloads/communication.hpp"
#include "workloads/link_parts.hpp"

namespace rehearse {

struct WorkerClass {
  std::uint32_t representative = 0;  ///< the lowest worker of the class
  std::uint32_t members = 0;
};

struct Folding {
  std::vector<WorkerClass> workers;           ///< by class
  std::vector<std::uint32_t> worker_class;    ///< by worker
  std::vector<std::uint32_t> group_class;     ///< by group
  std::vector<std::uint32_t> group_of_class;  ///< a group of each class: the lowest
  std::vector<std::uint32_t> wire_class;      ///< by wire
  std::vector<PathId> path_of_wire_class;
  std::vector<bool> isolated;        ///< by group class: nobody else ever uses its links meanwhile
  Network network;                   ///< of classes of parts of links
  std::uint32_t links_left_out = 0;  ///< that carry something but can never be the bottleneck

  [[nodiscard]] PathId path(std::uint32_t wire) const { return path_of_wire_class[wire_class[wire]]; }
};

/// `enabled` off: every worker is its own class, and the network has the cluster's links, whole, under their numbers.
/// So it must be where the cluster has_conditions.
Folding fold(const Communication& communication, const Cluster& cluster, bool enabled = true);

}  // namespace rehearse
