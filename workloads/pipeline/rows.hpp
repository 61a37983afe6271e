// The rows of the pipeline table, one file each, and what they share. Private to workloads/pipeline.
#pragma once

#include "workloads/pipeline/schedule.hpp"

namespace rehearse {

extern const PipelineRow chimera_row;
extern const PipelineRow dualpipe_row;
extern const PipelineRow gpipe_row;
extern const PipelineRow interleaved_row;
extern const PipelineRow one_f_one_b_row;
extern const PipelineRow zb_1p_row;
extern const PipelineRow zb_2p_row;
extern const PipelineRow zb_v_row;
extern const PipelineRow zero_bubble_h1_row;
extern const PipelineRow zero_bubble_h2_row;

using PipelineOrder = std::vector<std::vector<Pass>>;  ///< passes by stage

/// The checks of schedules whose stages hold one chunk, and two.
std::vector<std::string> only_one_chunk(std::string_view schedule, const PipelineShape& shape);
std::vector<std::string> only_two_chunks(std::string_view schedule, const PipelineShape& shape);
/// The check of schedules that take micro batches from both ends: two chunks, an even number of stages.
std::vector<std::string> from_both_ends(std::string_view schedule, const PipelineShape& shape);

/// An order whose stages each write their own passes, without looking at times: `Stage(shape, stage).build()`.
template <class Stage>
PipelineOrder stage_by_stage(const PipelineShape& shape, const PassTimes& /*times*/) {
  PipelineOrder order;
  for (std::int32_t stage = 0; stage < shape.stages; ++stage) order.push_back(Stage(shape, stage).build());
  return order;
}

/// 1F1B with `depth` times its warm-up, the backward in two pieces, and on stage s the weights `depth` x s micro
/// batches behind the inputs, so that every stage comes to hold as much as the first (Qi et al. 2024, Section 2).
PipelineOrder delayed_weights(const PipelineShape& shape, std::int32_t depth);

/// The automatic schedule of Qi et al. 2024, Section 3.1: the best that their heuristic finds where no stage may hold
/// the activations of more than `depth` x stages micro batches; never worse than delayed_weights.
PipelineOrder search_zero_bubble(const PipelineShape& shape, const PassTimes& times, std::int32_t depth);

}  // namespace rehearse
