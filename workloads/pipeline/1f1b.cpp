// One forward, one backward (PipeDream-Flush; Narayanan et al. 2021, Section 2.2.1): a stage keeps at most as many
// micro batches in flight as there are stages from it to the end.
#include <algorithm>

#include "workloads/pipeline/rows.hpp"

namespace rehearse {

namespace {

std::vector<Pass> order(const Plan& plan, std::int64_t stage) {
  const auto m = static_cast<std::int32_t>(plan.micro_batches());
  const auto warm_up = std::min(m, static_cast<std::int32_t>(plan.pipeline - stage - 1));
  std::vector<Pass> passes;
  for (std::int32_t i = 0; i < warm_up; ++i) passes.push_back({Phase::forward, i, 0});
  for (std::int32_t i = warm_up; i < m; ++i) {
    passes.push_back({Phase::forward, i, 0});
    passes.push_back({Phase::backward, i - warm_up, 0});
  }
  for (std::int32_t i = m - warm_up; i < m; ++i) passes.push_back({Phase::backward, i, 0});
  return passes;
}

}  // namespace

const PipelineRow one_f_one_b_row{"1f1b", "one forward, one backward in turn after a warm-up (PipeDream-Flush)",
                                  only_one_chunk, order};

}  // namespace rehearse
