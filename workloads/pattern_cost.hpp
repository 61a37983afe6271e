// What a pattern costs on an idle network, without a simulation.
#pragma once

#include <string_view>

#include "workloads/collective_group.hpp"
#include "workloads/collectives/pattern.hpp"

namespace rehearse {

struct PatternCost {
  Seconds latency;             ///< the longest of each step, added up
  Seconds bandwidth;           ///< of each step the link that takes longest, added up
  Seconds busiest;             ///< the link that takes longest in all
  std::string_view link_kind;  ///< of that link; empty: no links
};

/// Steady stretches count as one step with all their bytes, and the latency of every step on average over their ring.
PatternCost pattern_cost(const Pattern& pattern, const CollectiveGroup& group, Protocol protocol,
                         std::int64_t element_bytes);

}  // namespace rehearse
