// Interleaved 1F1B (Narayanan et al. 2021, Section 2.2.2): each stage holds `virtual_stages` chunks and takes the
// micro batches through them in groups of `pipeline`, which divides the bubble by the number of chunks.
#include <algorithm>

#include <fmt/format.h>

#include "workloads/pipeline/rows.hpp"

namespace rehearse {

namespace {

std::vector<std::string> check(const Plan& plan) {
  std::vector<std::string> reasons;
  if (plan.virtual_stages > 1 && plan.pipeline < 2) reasons.push_back("interleaved needs pipeline of at least 2");
  if (plan.micro_batches() % plan.pipeline != 0)
    reasons.push_back(fmt::format("interleaved needs micro batches ({}) that divide by pipeline ({})",
                                  plan.micro_batches(), plan.pipeline));
  return reasons;
}

/// The i-th forward (or backward) pass of a stage: groups of p micro batches go through chunk 0, then 1, ...; the
/// backward takes the chunks from the last.
Pass pass(const Plan& plan, Phase phase, std::int64_t i) {
  const std::int64_t p = plan.pipeline, v = plan.virtual_stages;
  const std::int64_t group = i / (p * v), chunk = i / p % v, in_group = i % p;
  return {phase, static_cast<std::int32_t>(group * p + in_group),
          static_cast<std::int32_t>(phase == Phase::forward ? chunk : v - 1 - chunk)};
}

std::vector<Pass> order(const Plan& plan, std::int64_t stage) {
  const std::int64_t total = plan.micro_batches() * plan.virtual_stages;
  const std::int64_t depth = (plan.pipeline - stage - 1) * 2 + (plan.virtual_stages - 1) * plan.pipeline;
  // With exactly p micro batches everything is warm-up (as in Megatron-LM).
  const std::int64_t warm_up = plan.micro_batches() == plan.pipeline ? total : std::min(depth, total);
  std::vector<Pass> passes;
  for (std::int64_t i = 0; i < warm_up; ++i) passes.push_back(pass(plan, Phase::forward, i));
  for (std::int64_t i = warm_up; i < total; ++i) {
    passes.push_back(pass(plan, Phase::forward, i));
    passes.push_back(pass(plan, Phase::backward, i - warm_up));
  }
  for (std::int64_t i = total - warm_up; i < total; ++i) passes.push_back(pass(plan, Phase::backward, i));
  return passes;
}

}  // namespace

const PipelineRow interleaved_row{"interleaved", "1F1B over several model chunks a stage (Narayanan et al. 2021)",
                                  check, order};

}  // namespace rehearse
