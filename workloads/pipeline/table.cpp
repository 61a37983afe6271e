#include <array>

#include <fmt/format.h>

#include "workloads/pipeline/rows.hpp"

namespace rehearse {

std::vector<std::string> only_one_chunk(const Plan& plan) {
  if (plan.virtual_stages == 1) return {};
  return {fmt::format("{} has one chunk a stage; virtual_stages {} needs `schedule: interleaved`", plan.schedule,
                      plan.virtual_stages)};
}

const Table<PipelineRow>& pipeline_table() {
  static const std::array<PipelineRow, 3> rows{gpipe_row, one_f_one_b_row, interleaved_row};
  static const Table<PipelineRow> table("pipeline schedule", rows);
  return table;
}

}  // namespace rehearse
