// Links cut by time: wires that are never under way together do not share a link, though both cross it. Private to
// workloads.
#pragma once

#include <cstdint>
#include <vector>

#include "workloads/communication.hpp"

namespace rehearse {

/// A part is a link together with wires of which some chain of pairs may be under way together; wires of different
/// parts of a link never are, so each part may be simulated as a link of its own.
struct LinkParts {
  std::vector<LinkId> link;                       ///< by part: the cluster's link
  std::vector<std::vector<std::uint32_t>> route;  ///< by wire: the parts that it crosses, in order
};

/// As many parts of each link that a wire crosses as time allows.
LinkParts make_link_parts(const Communication& communication, const Cluster& cluster);

/// Whether flows of the two wires can ever be under way at the same time: false only where the program of a worker puts
/// the one behind the other.
bool may_meet(const Communication& communication, const Wire& a, const Wire& b);

}  // namespace rehearse
