// Colour refinement of GPUs, groups, wires and links. Private to workloads.
#pragma once

#include <cstdint>
#include <vector>

#include "workloads/link_parts.hpp"

namespace rehearse {

/// A colour for each; equal colours: same class. `part`: of a link.
struct Colours {
  std::vector<std::uint64_t> gpu, group, wire, part;
};

/// `kept`: by part of a link, whether it counts (the others can never be a bottleneck).
Colours refine(const Communication& communication, const Cluster& cluster, const LinkParts& parts,
               const std::vector<bool>& kept);

/// Colours of a pattern's transfers, given those of the group's wires: equal where transfers start together if the
/// wires' flows do. By transfer.
std::vector<std::uint64_t> transfer_colours(const Pattern& pattern, const CommGroup& group,
                                            const std::vector<std::uint64_t>& wire_colour);

}  // namespace rehearse
