// A pattern as flows that are made as they are needed: memory grows with the messages under way.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "engine/replay.hpp"
#include "workloads/collectives/pattern.hpp"

namespace rehearse {

/// The way from a position to another on a channel.
struct SourceWire {
  PathId path{};
  Seconds latency;
  double bytes_per_element = 0;
};
/// Asked once for each wire; of a local copy (source = destination) an empty path without latency.
using WireOf = std::function<SourceWire(std::uint32_t source, std::uint32_t destination, std::uint32_t channel)>;
/// Keeps references to the pattern and to the network that the paths are of, which may grow. `fluid`: steady stretches
/// as one long flow on each wire. (Steps are made ahead until every position that sends again knows what: of a pattern
/// with ranks that only receive, such as a broadcast, that is all of it from the beginning.)
std::unique_ptr<FlowSource> pattern_source(const Pattern& pattern, bool fluid, const Network& network, WireOf wire);

}  // namespace rehearse
