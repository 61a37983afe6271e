// Interleaved 1F1B (Narayanan et al. 2021, Section 2.2.2): each stage holds `chunks` chunks and takes the micro batches
// through them in groups of `stages`, which divides the bubble by the number of chunks.
#include <algorithm>

#include <fmt/format.h>

#include "workloads/pipeline/rows.hpp"

namespace rehearse {

namespace {

std::vector<std::string> check(const PipelineShape& shape) {
  std::vector<std::string> reasons;
  if (shape.chunks > 1 && shape.stages < 2) reasons.push_back("interleaved needs pipeline of at least 2");
  if (shape.micro_batches % shape.stages != 0)
    reasons.push_back(fmt::format("interleaved needs micro batches ({}) that divide by pipeline ({})",
                                  shape.micro_batches, shape.stages));
  return reasons;
}

/// The i-th forward (or backward) pass of a stage: groups of p micro batches go through chunk 0, then 1, ...; the
/// backward takes the chunks from the last.
Pass pass(const PipelineShape& shape, Phase phase, std::int32_t i) {
  const std::int32_t p = shape.stages, v = shape.chunks;
  const std::int32_t group = i / (p * v), chunk = i / p % v, in_group = i % p;
  return {phase, group * p + in_group, phase == Phase::forward ? chunk : v - 1 - chunk};
}

std::vector<Pass> order_of_stage(const PipelineShape& shape, std::int32_t stage) {
  const std::int32_t total = shape.micro_batches * shape.chunks;
  const std::int32_t depth = (shape.stages - stage - 1) * 2 + (shape.chunks - 1) * shape.stages;
  // With exactly p micro batches everything is warm-up (as in Megatron-LM).
  const std::int32_t warm_up = shape.micro_batches == shape.stages ? total : std::min(depth, total);
  std::vector<Pass> passes;
  for (std::int32_t i = 0; i < warm_up; ++i) passes.push_back(pass(shape, Phase::forward, i));
  for (std::int32_t i = warm_up; i < total; ++i) {
    passes.push_back(pass(shape, Phase::forward, i));
    passes.push_back(pass(shape, Phase::backward, i - warm_up));
  }
  for (std::int32_t i = total - warm_up; i < total; ++i) passes.push_back(pass(shape, Phase::backward, i));
  return passes;
}

PipelineOrder order(const PipelineShape& shape, const PassTimes& /*times*/) {
  PipelineOrder order;
  for (std::int32_t stage = 0; stage < shape.stages; ++stage) order.push_back(order_of_stage(shape, stage));
  return order;
}

}  // namespace

const PipelineRow interleaved_row{.name = "interleaved",
                                  .description = "1F1B over several model chunks a stage (Narayanan et al. 2021)",
                                  .check = check,
                                  .order = order};

}  // namespace rehearse
