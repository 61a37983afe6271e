// Links that can never be the bottleneck need not be simulated. Private to workloads.
#pragma once

#include <vector>

#include "workloads/link_parts.hpp"

namespace rehearse {

/// By part of a link: whether it can bind before others do. A wire's guard is the narrowest part on its route, the
/// first of equals. If the guards of all wires over a part have together no more bandwidth than it, then the flows over
/// it, which the guards hold to that sum, can never exceed it: the constraint is implied by others and max-min shares
/// are the same without. (A guard is one of its own wire's guards, so it is always possible: no circles.)
std::vector<bool> possible_bottlenecks(const LinkParts& parts, const Cluster& cluster);

}  // namespace rehearse
