// The figures of a topology that closed forms give: sizes, degree, diameter, bisection. survey.hpp has all there are.
#pragma once

#include "topologies/topology.hpp"

namespace rehearse {

struct TopologyMetrics {
  std::uint32_t endpoints = 0;
  std::uint32_t switches = 0;
  std::uint32_t cables = 0;        ///< half the directed links
  std::uint32_t least_degree = 0;  ///< cables of a vertex
  std::uint32_t most_degree = 0;
  std::uint32_t diameter = 0;  ///< links on the shortest path between the two endpoints furthest apart
  double mean_distance = 0.0;  ///< links, over the ordered pairs of different endpoints; 0 for one endpoint
  /// What the lower half of the endpoint numbers can send to the upper half, all together, ports included (the greatest
  /// flow; of an odd number the middle one belongs to the upper half). It is the bisection of a regular topology whose
  /// numbering follows its structure, and an upper bound of the least over all halves otherwise.
  BytesPerSecond bisection;
};

/// O(endpoints x links) for the distances, and one maximum flow.
TopologyMetrics measure(const Topology& topology);

}  // namespace rehearse
