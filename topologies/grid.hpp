// Grids of endpoints: what ring, torus, mesh and hypercube are made of.
#pragma once

#include <vector>

#include "topologies/topology.hpp"

namespace rehearse {

/// One dimension: its size (at least 1) and its links towards higher and towards lower coordinates.
struct GridDimension {
  std::uint32_t size = 1;
  TopologyLink up;
  TopologyLink down;
  bool wrapped = true;  ///< the last is joined to the first
  /// What the step upwards from the last to the first adds to the coordinates: one for each dimension, zero for this
  /// one and those before it. Empty: nothing.
  std::vector<std::uint32_t> twist = {};
};

/// Endpoints are the vertices, numbered with the first dimension fastest. Each is joined to the next in every
/// dimension, and where that is wrapped the last to the first; what a twist adds beyond the end of another dimension
/// wraps there, with the twist of that one. Two that a dimension of size 2 would join twice are joined by one cable.
/// Own routing, without twists: `dimension_order`, the dimensions in order, the shorter way round each that is wrapped,
/// towards higher coordinates where both ways are equally long. With a twist the default routing is `ecmp`.
Topology build_grid(const std::vector<GridDimension>& dimensions);

/// "x", "y", "z", "w", "d5", "d6", ...
std::string axis_name(std::size_t dimension);

/// Reads `dimensions`, whose product must be the endpoints, `bandwidth` and `latency`: links "x+", "x-", "y+", ... None
/// after a fault. `what` names the topology in messages ("torus").
std::vector<GridDimension> read_grid(Reader& params, const TopologyRequest& request, std::string_view what);

}  // namespace rehearse
