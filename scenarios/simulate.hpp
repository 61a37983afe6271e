// Simulate: a Scenario to a Result.
#pragma once

#include <vector>

#include "scenarios/result.hpp"
#include "scenarios/scenario.hpp"
#include "workloads/memory/account.hpp"

namespace rehearse {

/// What makes a large run small without changing its answer; each can be turned off.
struct SimulationOptions {
  bool merge_kernels = true;      ///< kernels between two communications are one op
  bool reuse_collectives = true;  ///< a collective whose links nobody else uses meanwhile is replayed once
  bool fold = true;               ///< GPUs that are the same by symmetry are simulated once

  static SimulationOptions exact() { return {false, false, false}; }
};

/// Simulate one iteration. The scenario must pass check_plan_of. SimGrid runs once in a process, and so
/// does this. Throws std::logic_error where the result lies below a physical bound: a fault of the program.
Result simulate(const Scenario& scenario, const SimulationOptions& options = {});

/// The parts of Result::memory, in their order.
std::vector<MemoryPart> memory_parts(const StageMemory& stage);

}  // namespace rehearse
