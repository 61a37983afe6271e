// Pipeline schedules: the order in which each stage does the passes of micro batches through its model chunks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/table.hpp"

namespace rehearse {

/// A backward pass is one piece, or two (Qi et al. 2024, Section 2): the gradients of inputs, which the stage before
/// waits for, and those of weights, which nobody does.
enum class Phase : std::uint8_t { forward, backward, backward_input, backward_weight };

/// One piece of work of a stage: one pass of one micro batch through one of its chunks. What it waits for follows from
/// the model: a forward for that of the model chunk before, a backward (or backward_input) for that of the one after
/// and for its own forward, a backward_weight for its own backward_input.
struct Pass {
  Phase phase = Phase::forward;
  std::int32_t micro_batch = 0;
  std::int32_t chunk = 0;  ///< of the stage's
  /// Goes hand in hand with the stage's next pass: the one computes while the other communicates (DualPipe).
  bool paired = false;
  friend bool operator==(const Pass&, const Pass&) = default;
};

/// What an order is made for.
struct PipelineShape {
  std::int32_t stages = 1;
  std::int32_t chunks = 1;  ///< of a stage
  std::int32_t micro_batches = 1;
};

/// What passes through one chunk cost, times in any unit, for rows that look for a good order; others ignore them.
struct PassTimes {
  double forward = 1, backward_input = 1, backward_weight = 1;
  double message = 0;  ///< from a stage to its neighbour
  /// Share of the activations of a pass that stays from backward_input to backward_weight.
  double kept = 1;
};

/// Where the chunks of a model lie.
///   looped         chunk c of stage s is model chunk c * stages + s
///   v_shaped       two chunks a stage: model chunks s and 2 * stages - 1 - s
///   bidirectional  two chunks a stage, of two replicas of the model: model chunk s of replica 0 and model chunk
///                  stages - 1 - s of replica 1; even micro batches go through replica 0, odd ones through replica 1
enum class ChunkLayout : std::uint8_t { looped, v_shaped, bidirectional };

struct ChunkPlace {
  std::int32_t stage = 0, chunk = 0;  ///< of the stage's
  friend bool operator==(const ChunkPlace&, const ChunkPlace&) = default;
};

/// A row: which shapes it can run, and the passes of every stage in order.
struct PipelineRow {
  std::string_view name;
  std::string_view description;
  ChunkLayout layout = ChunkLayout::looped;
  /// Reasons why it cannot run this shape; empty: it can.
  std::vector<std::string> (*check)(const PipelineShape& shape) = nullptr;
  /// Passes by stage, in order: each (micro batch, model chunk) forward exactly once and backward exactly once, in one
  /// piece or two; free of deadlock.
  std::vector<std::vector<Pass>> (*order)(const PipelineShape& shape, const PassTimes& times) = nullptr;
  std::int32_t default_chunks = 1;  ///< of a stage, where a plan does not say
  bool looks_at_times = false;      ///< else an order may be asked for without any
};

/// 1f1b, chimera, dualpipe, gpipe, interleaved, zb_1p, zb_2p, zb_v, zero_bubble_h1, zero_bubble_h2.
const Table<PipelineRow>& pipeline_table();

/// Chunks that one replica of the model is cut into.
std::int32_t model_chunks(ChunkLayout layout, const PipelineShape& shape);
/// Replicas of the model in one pipeline: 2 of a bidirectional one.
std::int32_t pipeline_replicas(ChunkLayout layout);
/// The replica that a micro batch goes through.
std::int32_t replica_of(ChunkLayout layout, std::int32_t micro_batch);
/// The model chunk, and the place of a model chunk of a replica.
std::int32_t model_chunk_of(ChunkLayout layout, const PipelineShape& shape, const ChunkPlace& place);
ChunkPlace place_of(ChunkLayout layout, const PipelineShape& shape, std::int32_t model_chunk, std::int32_t replica);

/// What is wrong with the order: a pass that is missing, done twice or of a chunk that there is not, a wait in a
/// circle. Empty: nothing.
std::vector<std::string> check_order(const PipelineRow& row, const PipelineShape& shape,
                                     const std::vector<std::vector<Pass>>& order);

}  // namespace rehearse
