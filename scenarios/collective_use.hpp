// CollectiveUse: which collectives a GPU takes part in, and how they are carried out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "workloads/communication.hpp"

namespace rehearse {

/// The calls of one GPU in one iteration that are alike but for their size.
struct CollectiveUse {
  GroupKind group = GroupKind::tensor;
  CollectiveOp op = CollectiveOp::all_reduce;
  Kind kind = Kind::tensor_comm;       ///< of time
  std::uint32_t ranks = 1, nodes = 1;  ///< of the group
  std::string algorithm;
  Protocol protocol = Protocol::none;
  std::uint32_t channels = 1;
  Fidelity fidelity = Fidelity::flow;  ///< flow or fluid
  std::uint64_t calls = 0;
  double bytes = 0;  ///< of their vectors, all calls together, padding included
};

/// By group, collective and so on; without groups of one.
std::vector<CollectiveUse> collective_uses(const Program& program, const Communication& communication,
                                           std::uint32_t worker);

}  // namespace rehearse
