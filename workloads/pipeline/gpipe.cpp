// GPipe (Huang et al. 2019): all forward passes, then all backward passes in reverse.
#include "workloads/pipeline/rows.hpp"

namespace rehearse {

namespace {

std::vector<Pass> order(const Plan& plan, std::int64_t /*stage*/) {
  const auto m = static_cast<std::int32_t>(plan.micro_batches());
  std::vector<Pass> passes;
  for (std::int32_t i = 0; i < m; ++i) passes.push_back({Phase::forward, i, 0});
  for (std::int32_t i = m - 1; i >= 0; --i) passes.push_back({Phase::backward, i, 0});
  return passes;
}

}  // namespace

const PipelineRow gpipe_row{"gpipe", "all forward passes, then all backward passes (Huang et al. 2019)", only_one_chunk,
                            order};

}  // namespace rehearse
