// What the parts of a simulation share. Private to scenarios.
#pragma once

#include <vector>

#include "engine/replay.hpp"
#include "scenarios/result.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/simulate.hpp"
#include "workloads/lowering.hpp"
#include "workloads/memory/account.hpp"

namespace rehearse {

/// A scenario on its way to a result.
struct Simulation {
  Simulation(const Scenario& of, const SimulationOptions& how);

  const Scenario& scenario;
  SimulationOptions options;
  JobLayout layout;
  Program program;
  Communication communication;
  Folding folding;
  std::vector<Flops> flops;         ///< of matrix products that a GPU executes in an iteration, by role
  std::vector<StageMemory> memory;  ///< by role
  Lowered lowered;
  Timeline timeline;

  [[nodiscard]] const Role& role_of_rank(std::uint32_t rank) const {
    return layout.roles()[layout.role_of(folding.workers[rank].representative)];
  }
};

/// When all of the ops have ended.
Seconds latest(const std::vector<OpId>& ops, const Timeline& timeline);

/// Everything that follows from what was simulated; the schedule, the network and the timeline stay where they are.
/// `alone`: an iteration of each job that has the cluster to itself.
Result result_of(const Simulation& simulation, const std::vector<Seconds>& alone);

/// Parts of the above: memory, links, bounds and notes.
void fill_memory(const Simulation& simulation, Result& result);
void fill_links(const Simulation& simulation, Result& result);
/// Throws std::logic_error where the result lies below a bound.
void fill_bounds(const Simulation& simulation, Result& result);
void fill_notes(const Simulation& simulation, Result& result);

}  // namespace rehearse
