// A grid wrapped round in every dimension: what ring and torus are made of.
#pragma once

#include <vector>

#include "topologies/topology.hpp"

namespace rehearse {

/// One dimension: its size (at least 1) and its links towards higher and towards lower coordinates.
struct GridDimension {
  std::uint32_t size = 1;
  TopologyLink up;
  TopologyLink down;
};

/// Endpoints are the vertices, numbered with the first dimension fastest. Each is joined to the next in every
/// dimension, the last to the first; two in a dimension are joined by one cable, not two. Routes take the dimensions
/// in order, the shorter way round each, towards higher coordinates where both ways are equally long.
Topology build_grid(const std::vector<GridDimension>& dimensions);

}  // namespace rehearse
