// The layouts of drawings. Private to topologies.
#pragma once

#include <cstdint>
#include <vector>

#include "topologies/drawing.hpp"
#include "topologies/flat_graph.hpp"

namespace rehearse {

/// Vertices by the coordinates that links of classes "x+", "y+", ... give them. False, and nothing done, where there
/// are other links or switches.
bool place_in_grid(const Topology& topology, Drawing& drawing);
/// By distance from the endpoints. False, and nothing done, where a cable joins vertices of one level, or there are no
/// switches.
bool place_in_levels(Drawing& drawing);
/// Vertices by their groups, those of a group next to each other; endpoints that hang on a switch outside of it.
void place_in_circle(const std::vector<std::uint32_t>& group, Drawing& drawing);

}  // namespace rehearse
