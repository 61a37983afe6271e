// Shortest paths of a topology: how long, how many, what crosses each link if they are used evenly; and paths that
// share no link.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "topologies/topology.hpp"

namespace rehearse {

/// Of something over many pairs.
struct Spread {
  double least = 0, mean = 0, most = 0;
};

/// Over ordered pairs of different endpoints (or of switches).
struct PathMetrics {
  std::uint64_t sources = 0;  ///< that were looked at, of all: exact where they are all
  std::vector<double> pairs;  ///< by number of links, from 0; of the pairs with a path
  double unreachable = 0;     ///< pairs without one
  Spread shortest_paths;      ///< how many equally short ones a pair has (doubles: exact up to 2^53)
  [[nodiscard]] std::uint32_t diameter() const;
  [[nodiscard]] double mean_distance() const;
};

/// Paths between vertices that share no link: their greatest number for a pair (Menger: the least number of cables
/// whose loss parts the two).
struct DisjointPaths {
  bool between_switches = false;  ///< of the switches that endpoints hang on, all by one cable; else of endpoints
  std::uint64_t pairs = 0;        ///< that were looked at
  bool all = true;                ///< whether those are all
  Spread paths;
};

/// Where a walk over all sources would be longer than `steps` (sources x links), so many sources as that allows are
/// drawn by `seed`.
struct PathLimits {
  double steps = 4e8;
  std::uint64_t seed = 0;
};

PathMetrics measure_paths(const Topology& topology, const PathLimits& limits = {});
/// Between switches; none where there is no switch, or one.
std::optional<PathMetrics> measure_switch_distances(const Topology& topology, const PathLimits& limits = {});
/// All pairs up to `most_pairs`, else so many drawn by `seed`. None where there is no pair.
std::optional<DisjointPaths> measure_disjoint_paths(const Topology& topology, std::uint64_t most_pairs = 256,
                                                    std::uint64_t seed = 0);

}  // namespace rehearse
