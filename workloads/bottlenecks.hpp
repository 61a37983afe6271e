// Links that can never be the bottleneck need not be simulated. Private to workloads.
#pragma once

#include <vector>

#include "workloads/communication.hpp"

namespace rehearse {

/// Clears `kept` for each link that cannot bind before others do. A wire's guard is the narrowest link of its route. If
/// the guards of all wires over a link have together no more bandwidth than it, then the flows over it, which the guards
/// hold to that sum, can never exceed it: the constraint is implied by others and max-min shares are the same without.
/// (Guards are lowest in the order of bandwidth, then number, so that what implies is never itself implied in a circle.)
void drop_never_bottleneck(const Communication& communication, const Cluster& cluster, std::vector<bool>& kept);

}  // namespace rehearse
