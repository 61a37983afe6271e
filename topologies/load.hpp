// What the topology's own routing makes of traffic: the most loaded link, and what that leaves of the injection
// bandwidth.
#pragma once

#include <cstdint>
#include <optional>

#include "topologies/topology.hpp"

namespace rehearse {

/// Traffic in which every endpoint has so many flows out and in, all of one rate: the rate at which the first link is
/// full.
struct LoadedPattern {
  std::uint64_t flows = 0;       ///< out of each endpoint
  double most_flows = 0;         ///< on the most loaded link, that is with the most flows for its bandwidth
  std::uint32_t link = 0;        ///< that link
  BytesPerSecond endpoint_rate;  ///< what an endpoint then sends, all its flows together
  double throughput = 0;         ///< of the mean injection bandwidth: 1 where the links out of endpoints are full
};

struct RoutedLoad {
  /// Every ordered pair a flow; where not all shifts were walked, the mean of those that were.
  LoadedPattern all_to_all;
  /// Shift k: endpoint e to endpoint (e + k) mod n. The one that fills a link first.
  LoadedPattern worst_shift;
  std::uint32_t worst_shift_by = 0;
  LoadedPattern permutation;  ///< one drawn by the seed, nobody to itself
  std::uint32_t shifts = 0;   ///< that were walked, of endpoints - 1
};

struct LoadLimits {
  std::uint64_t routes = 1 << 24;  ///< all shifts up to so many routes, else as many shifts, drawn
  std::uint64_t seed = 0;          ///< of shifts and permutation
};

/// By Topology::route with flow 0 of each pair; of routings that decide when a flow starts, as on an idle network. None
/// for less than two endpoints, and where a pair has no route.
std::optional<RoutedLoad> measure_load(const Topology& topology, const LoadLimits& limits = {});

}  // namespace rehearse
