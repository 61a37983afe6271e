// Prices of what a topology is made of. Private to scenarios.
#pragma once

#include "scenarios/topology_job.hpp"

namespace rehearse {

/// Reads `prices`, if there are any; faults for kinds of cable that the topology has not, and below zero.
std::optional<TopologyPrices> read_prices(Reader& params, const Topology& topology);

TopologyCost cost_of(const TopologyPrices& prices, const TopologySurvey& survey);

}  // namespace rehearse
