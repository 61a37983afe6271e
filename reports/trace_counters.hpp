// Counters of a trace: memory in use, and how busy the hottest links are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "scenarios/result.hpp"

namespace rehearse {

/// A counter has `value` from `time` (nanoseconds) on.
struct CounterStep {
  std::int64_t time;
  double value;
  friend bool operator==(const CounterStep&, const CounterStep&) = default;
};
using CounterSteps = std::vector<CounterStep>;  ///< by time, each time once, neighbours differ

/// Bytes in use on each rank; a rank without samples has no steps.
std::vector<CounterSteps> memory_steps(const Result& result);

/// Utilisation in per cent of the first `count` of Result::hottest_links: every flow at its average rate from when its
/// latency has passed to its end, and the loads of compute ops over their durations. Average rates of flows that
/// shared a link can add up to more than it carries; they are cut at 100. More than `most` steps become averages.
std::vector<CounterSteps> link_steps(const Result& result, std::size_t count, std::size_t most);

/// Averages over `windows` equal windows of [0, end).
CounterSteps averaged(const CounterSteps& steps, std::int64_t end, std::size_t windows);

}  // namespace rehearse
