// Where the vertices of a topology go on paper.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "topologies/topology.hpp"

namespace rehearse {

struct DrawnVertex {
  enum class Shape : std::uint8_t { endpoint, network_switch, bundle };
  double x = 0, y = 0;  ///< to the right and down
  Shape shape = Shape::endpoint;
  std::string name;
  std::uint32_t endpoints = 0;  ///< that a bundle stands for
};

/// All cables of a kind between two vertices.
struct DrawnCable {
  std::uint32_t a = 0, b = 0;  ///< into Drawing::vertices
  std::string kind;
  BytesPerSecond bandwidth;  ///< of all together
  std::uint32_t count = 1;
  double bend = 0;  ///< how far the middle is off the straight line, to the left as seen from a; 0: straight
};

struct Drawing {
  enum class Layout : std::uint8_t { levels, grid, groups, circle };
  Layout layout = Layout::circle;
  std::vector<DrawnVertex> vertices;
  std::vector<DrawnCable> cables;
  double spacing = 0;  ///< between the nearest vertices, about
};

/// Above so many endpoints, those that hang on a switch by one cable are drawn as one bundle for each switch.
inline constexpr std::uint32_t most_drawn_endpoints = 128;

/// Levels with the endpoints at the bottom, where each cable joins two neighbouring levels; a grid, where links are of
/// classes "x+", "x-", ...; groups in a circle, where vertices have groups; else all vertices in a circle, what hangs
/// on them outside.
Drawing draw(const Topology& topology);

}  // namespace rehearse
