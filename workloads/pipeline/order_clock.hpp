// When the passes of an order begin and end, and what a stage holds meanwhile. Private to workloads/pipeline and the
// tests.
#pragma once

#include "workloads/pipeline/schedule.hpp"

namespace rehearse {

struct PassSpan {
  double begin = 0, end = 0;
};

struct OrderTimes {
  /// By stage, as in the order. A stage that has fewer than its order has passes waits for ever with the next one.
  std::vector<std::vector<PassSpan>> spans;
  double makespan = 0;
  /// The most that a stage takes from the begin of its first pass to the end of its last: what an iteration costs where
  /// the optimizer does not wait for all stages (Qi et al. 2024, Section 4).
  double longest_stage = 0;
};

/// Walks an order whose passes are all of its shape. A stage does one pass after another, each as soon as what it waits
/// for has come; a message takes its time and keeps no stage busy. Paired passes begin together, when both can, and
/// end together after the time of both.
OrderTimes time_order(ChunkLayout layout, const PipelineShape& shape, const std::vector<std::vector<Pass>>& order,
                      const PassTimes& times);

/// Most activations, in those of one pass, that a stage holds at a time: all of them from the forward on, the share
/// `kept` from backward_input to backward_weight.
double most_held(const std::vector<Pass>& passes, double kept);

}  // namespace rehearse
