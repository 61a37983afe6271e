// All that is said of a topology as a graph.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "topologies/bisection.hpp"
#include "topologies/load.hpp"
#include "topologies/paths.hpp"
#include "topologies/topology.hpp"

namespace rehearse {

/// Cables that are alike.
struct CableKind {
  std::string name;  ///< the class of its links; "x+/x-" where the two directions have two
  BytesPerSecond bandwidth;
  Seconds latency;
  std::uint32_t count = 0;
};

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

/// The name of a cable's kind; `link` is either direction.
std::string cable_kind(const Topology& topology, std::uint32_t link);

/// In the order of their first cables.
std::vector<CableKind> cable_kinds(const Topology& topology);

/// Exact where that is quick, else as the parts say. The same topology gives the same survey.
TopologySurvey survey(const Topology& topology);

}  // namespace rehearse
