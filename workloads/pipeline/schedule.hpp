// Pipeline schedules: the order in which a stage does the forward and backward passes of its model chunks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/table.hpp"
#include "workloads/plan.hpp"

namespace rehearse {

enum class Phase : std::uint8_t { forward, backward };

/// One piece of work of a stage: one pass of one micro batch through one of its chunks. Chunk c of stage s is the
/// model chunk c * pipeline + s of pipeline * virtual_stages. What a pass waits for follows from the model: the
/// forward of a chunk for that of the chunk before, the backward for that of the chunk after.
struct Pass {
  Phase phase = Phase::forward;
  std::int32_t micro_batch = 0;
  std::int32_t chunk = 0;
  friend bool operator==(const Pass&, const Pass&) = default;
};

/// A row: which plans it can run, and the passes of a stage in order.
struct PipelineRow {
  std::string_view name;
  std::string_view description;
  /// Reasons why it cannot run this plan; empty: it can.
  std::vector<std::string> (*check)(const Plan& plan);
  /// Passes of `stage` in order: each (phase, micro batch, chunk) exactly once.
  std::vector<Pass> (*order)(const Plan& plan, std::int64_t stage);
};

/// gpipe, 1f1b, interleaved.
const Table<PipelineRow>& pipeline_table();

}  // namespace rehearse
