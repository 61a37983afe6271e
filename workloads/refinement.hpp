// Colour refinement of workers, groups, wires and links. Private to workloads.
#pragma once

#include <cstdint>
#include <vector>

#include "workloads/link_parts.hpp"

namespace rehearse {

/// A colour for each; equal colours: same class. `part`: of a link.
struct Colours {
  std::vector<std::uint64_t> worker, group, wire, part;
};

/// `kept`: by part of a link, whether it counts (the others can never be a bottleneck).
Colours refine(const Communication& communication, const Cluster& cluster, const LinkParts& parts,
               const std::vector<bool>& kept);

/// Colours of the flows of a collective, given those of the group's wires: equal where flows start together if the
/// wires' flows do. By flow; of local copies too, which are on no wire.
std::vector<std::uint64_t> flow_colours(const TransferGraph& graph, const FlowCosts& costs,
                                        const std::vector<std::uint64_t>& wire_colour);

}  // namespace rehearse
