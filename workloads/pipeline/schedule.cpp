#include "workloads/pipeline/schedule.hpp"

#include <fmt/format.h>

#include "workloads/pipeline/rows.hpp"

namespace rehearse {

std::int32_t model_chunks(ChunkLayout layout, const PipelineShape& shape) {
  return layout == ChunkLayout::bidirectional ? shape.stages : shape.stages * shape.chunks;
}

std::int32_t pipeline_replicas(ChunkLayout layout) { return layout == ChunkLayout::bidirectional ? 2 : 1; }

std::int32_t replica_of(ChunkLayout layout, std::int32_t micro_batch) {
  return micro_batch % pipeline_replicas(layout);
}

std::int32_t model_chunk_of(ChunkLayout layout, const PipelineShape& shape, const ChunkPlace& place) {
  switch (layout) {
    case ChunkLayout::looped: return place.chunk * shape.stages + place.stage;
    case ChunkLayout::v_shaped: return place.chunk == 0 ? place.stage : 2 * shape.stages - 1 - place.stage;
    case ChunkLayout::bidirectional: return place.chunk == 0 ? place.stage : shape.stages - 1 - place.stage;
  }
  return 0;
}

ChunkPlace place_of(ChunkLayout layout, const PipelineShape& shape, std::int32_t model_chunk, std::int32_t replica) {
  switch (layout) {
    case ChunkLayout::looped: return {model_chunk % shape.stages, model_chunk / shape.stages};
    case ChunkLayout::v_shaped:
      if (model_chunk < shape.stages) return {model_chunk, 0};
      return {2 * shape.stages - 1 - model_chunk, 1};
    case ChunkLayout::bidirectional: return {replica == 0 ? model_chunk : shape.stages - 1 - model_chunk, replica};
  }
  return {};
}

std::vector<std::string> only_one_chunk(std::string_view schedule, const PipelineShape& shape) {
  if (shape.chunks == 1) return {};
  return {
      fmt::format("{} has one chunk a stage; virtual_stages {} needs `schedule: interleaved`", schedule, shape.chunks)};
}

std::vector<std::string> only_two_chunks(std::string_view schedule, const PipelineShape& shape) {
  if (shape.chunks == 2) return {};
  return {fmt::format("{} has two chunks a stage; virtual_stages must be 2, not {}", schedule, shape.chunks)};
}

std::vector<std::string> from_both_ends(std::string_view schedule, const PipelineShape& shape) {
  std::vector<std::string> reasons = only_two_chunks(schedule, shape);
  if (shape.stages % 2 != 0)
    reasons.push_back(
        fmt::format("{} takes micro batches from both ends: pipeline must be even, not {}", schedule, shape.stages));
  return reasons;
}

}  // namespace rehearse
