#include <algorithm>

#include "workloads/pipeline/rows.hpp"

namespace rehearse {

PipelineOrder delayed_weights(const PipelineShape& shape, std::int32_t depth) {
  const std::int32_t m = shape.micro_batches;
  PipelineOrder order(static_cast<std::size_t>(shape.stages));
  for (std::int32_t stage = 0; stage < shape.stages; ++stage) {
    std::vector<Pass>& passes = order[static_cast<std::size_t>(stage)];
    const std::int32_t warm_up = std::min(m, depth * (shape.stages - stage - 1)), behind = depth * stage;
    for (std::int32_t i = 0; i < warm_up; ++i) passes.push_back({Phase::forward, i});
    for (std::int32_t i = 0; i < m; ++i) {
      if (warm_up + i < m) passes.push_back({Phase::forward, warm_up + i});
      passes.push_back({Phase::backward_input, i});
      if (i >= behind) passes.push_back({Phase::backward_weight, i - behind});
    }
    for (std::int32_t i = std::max(0, m - behind); i < m; ++i) passes.push_back({Phase::backward_weight, i});
  }
  return order;
}

}  // namespace rehearse
