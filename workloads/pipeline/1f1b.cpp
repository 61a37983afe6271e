// One forward, one backward (PipeDream-Flush; Narayanan et al. 2021, Section 2.2.1): a stage keeps at most as many
// micro batches in flight as there are stages from it to the end.
#include <algorithm>

#include "workloads/pipeline/rows.hpp"

namespace rehearse {

namespace {

std::vector<std::string> check(const PipelineShape& shape) { return only_one_chunk("1f1b", shape); }

std::vector<Pass> order_of_stage(const PipelineShape& shape, std::int32_t stage) {
  const std::int32_t m = shape.micro_batches, warm_up = std::min(m, shape.stages - stage - 1);
  std::vector<Pass> passes;
  for (std::int32_t i = 0; i < warm_up; ++i) passes.push_back({Phase::forward, i});
  for (std::int32_t i = warm_up; i < m; ++i) {
    passes.push_back({Phase::forward, i});
    passes.push_back({Phase::backward, i - warm_up});
  }
  for (std::int32_t i = m - warm_up; i < m; ++i) passes.push_back({Phase::backward, i});
  return passes;
}

PipelineOrder order(const PipelineShape& shape, const PassTimes& /*times*/) {
  PipelineOrder order;
  for (std::int32_t stage = 0; stage < shape.stages; ++stage) order.push_back(order_of_stage(shape, stage));
  return order;
}

}  // namespace

const PipelineRow one_f_one_b_row{.name = "1f1b",
                                  .description = "one forward, one backward in turn after a warm-up (PipeDream-Flush)",
                                  .check = check,
                                  .order = order};

}  // namespace rehearse
