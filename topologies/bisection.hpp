// Bisection: the least that the endpoints of one half can send to those of the other, over all halves.
#pragma once

#include <cstdint>

#include "topologies/topology.hpp"

namespace rehearse {

/// Halves have floor(n / 2) and ceil(n / 2) endpoints. What one sends to the other, all endpoints together and ports
/// included, is the greatest flow between them. To find the least over all halves is NP-hard; so two bounds, which
/// often meet.
struct Bisection {
  BytesPerSecond at_most;         ///< the least over the halves that were tried
  BytesPerSecond at_least;        ///< proven for all halves; zero where no proof was found in time
  BytesPerSecond half_injection;  ///< what all links out of half of the endpoints carry
  bool every_half = false;        ///< all halves were tried

  [[nodiscard]] bool exact() const;
  /// Of `half_injection`: 1 is full bisection, 0.25 is 4:1. 0 where there is nothing to halve.
  [[nodiscard]] double fraction() const { return half_injection.value() > 0 ? at_most / half_injection : 0.0; }
};

struct BisectionLimits {
  double halves = 2e4;       ///< all halves are tried up to so many that differ,
  double flow_links = 4e6;   ///< and up to so many links in all their flow graphs together
  double proof_steps = 1e8;  ///< links walked for a lower bound
  std::uint64_t seed = 0;    ///< of halves drawn to begin with
};

/// From above: halves by number, along the Fiedler vector (Fiedler, 1973), by distance and by chance, each improved as
/// Fiduccia and Mattheyses do (DAC 1982), and a maximum flow between each; or all halves, where there are few that
/// differ. From below: see cut_bounds.hpp.
Bisection measure_bisection(const Topology& topology, const BisectionLimits& limits = {});

}  // namespace rehearse
