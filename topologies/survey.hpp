// All that is said of a topology as a graph.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "topologies/bisection.hpp"
#include "topologies/cables.hpp"
#include "topologies/load.hpp"
#include "topologies/paths.hpp"
#include "topologies/topology.hpp"

namespace rehearse {

struct TopologySurvey {
  std::uint32_t endpoints = 0, switches = 0, cables = 0;
  std::uint32_t switch_ports = 0;                   ///< that cables are in, of all switches
  std::uint32_t least_radix = 0, most_radix = 0;    ///< ports used of a switch
  std::uint32_t least_degree = 0, most_degree = 0;  ///< cables of an endpoint
  std::vector<CableKind> kinds;
  BytesPerSecond injection;  ///< of all links out of an endpoint, in the mean
  PathMetrics paths;
  std::optional<PathMetrics> between_switches;
  std::optional<DisjointPaths> disjoint;
  Bisection bisection;
  std::optional<RoutedLoad> load;
};

/// Exact where that is quick, else as the parts say. The same topology gives the same survey.
TopologySurvey survey(const Topology& topology);

}  // namespace rehearse
