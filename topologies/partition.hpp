// Halves of a graph's endpoints with a small cut. Private to topologies.
#pragma once

#include <cstdint>
#include <vector>

#include "topologies/flat_graph.hpp"

namespace rehearse {

/// A side, 0 or 1, of every vertex.
using Sides = std::vector<std::uint8_t>;

/// Endpoints in the order of their places along an approximate Fiedler vector: that of the second-least eigenvalue of
/// the Laplacian weighted by capacities, by power iteration.
std::vector<std::uint32_t> fiedler_order(const FlatGraph& whole, const std::vector<std::uint32_t>& endpoints);

/// The first half of the endpoints of `order` on side 0; switches go to the side that most of their cables lead to.
Sides halve(const FlatGraph& whole, const std::vector<std::uint32_t>& endpoints,
            const std::vector<std::uint32_t>& order);

/// Moves single vertices across, in passes in which each moves once and the best prefix stays (Fiduccia and Mattheyses,
/// DAC 1982), until a pass gains nothing. Endpoints stay in halves; switches go where they like.
void refine(const FlatGraph& whole, const std::vector<std::uint32_t>& endpoints, Sides& sides);

}  // namespace rehearse
