// GPipe (Huang et al. 2019): all forward passes, then all backward passes in reverse.
#include "workloads/pipeline/rows.hpp"

namespace rehearse {

namespace {

std::vector<std::string> check(const PipelineShape& shape) { return only_one_chunk("gpipe", shape); }

PipelineOrder order(const PipelineShape& shape, const PassTimes& /*times*/) {
  const std::int32_t m = shape.micro_batches;
  std::vector<Pass> passes;
  for (std::int32_t i = 0; i < m; ++i) passes.push_back({Phase::forward, i});
  for (std::int32_t i = m - 1; i >= 0; --i) passes.push_back({Phase::backward, i});
  return PipelineOrder(static_cast<std::size_t>(shape.stages), passes);
}

}  // namespace

const PipelineRow gpipe_row{.name = "gpipe",
                            .description = "all forward passes, then all backward passes (Huang et al. 2019)",
                            .check = check,
                            .order = order};

}  // namespace rehearse
