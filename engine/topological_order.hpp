// The order in which ops may run.
#pragma once

#include <vector>

#include "engine/schedule.hpp"

namespace rehearse {

/// Every op after its predecessors; ops on a cycle or behind one are left out. O(ops + edges).
std::vector<OpId> topological_order(const Schedule& schedule);

}  // namespace rehearse
