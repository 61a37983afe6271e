// Which single changes of a plan would make it fit in memory.
#pragma once

#include <string>
#include <vector>

#include "scenarios/scenario.hpp"

namespace rehearse {

struct PlanChange {
  std::string settings;  ///< as options: "--set plan.tensor=16 --set plan.data=4"
  Bytes peak;            ///< of the fullest GPU
};

/// Those after which the job can run and fits, in the order of what they cost: first what leaves the time of an
/// iteration nearly as it is, then more communication or smaller kernels, then work that is done twice or waits for the
/// host. For a scenario that passes check_plan_of.
std::vector<PlanChange> changes_that_fit(const Scenario& scenario, std::size_t job);

/// For people: which changes would make the jobs fit that check_memory_of speaks of, a line each.
std::vector<std::string> ways_to_fit(const Scenario& scenario);

}  // namespace rehearse
