// The sizes and kernels that the forward and backward streams share. Private to workloads.
#pragma once

#include "workloads/transformer.hpp"

namespace rehearse {

/// Appends steps for one chunk. Sizes are of one micro batch on one tensor rank.
class StepWriter {
 public:
  StepWriter(const Model& model, const Plan& plan);

  void at(std::int16_t layer, const char* block, Kind kind) {
    layer_ = layer;
    block_ = block;
    kind_ = kind;
  }
  void gemm(const char* name, Layout layout, std::int64_t m, std::int64_t n, std::int64_t k, std::int64_t batch = 1);
  /// A memory-bound kernel that moves `per_element` bytes for each of `elements`.
  void stream(const char* name, StreamKind kind, std::int64_t per_element, std::int64_t elements);
  /// The core of attention in one kernel.
  void fused_attention(const char* name, bool backward);
  /// A collective of the tensor group (left out where it has one member).
  void tensor_collective(CollectiveOp op, std::int64_t elements, std::int64_t element_bytes);
  /// Before a column-parallel product and after a row-parallel one: with sequence parallelism all_gather and
  /// reduce_scatter, without it nothing and all_reduce. Backward calls them the other way round.
  void enter_parallel_region();
  void leave_parallel_region();
  Steps take() { return std::move(steps_); }

  // Sizes. Elements are counted on one tensor rank.
  std::int64_t tokens;        ///< of a micro batch
  std::int64_t local_tokens;  ///< in norms and dropouts: a share under sequence parallelism
  std::int64_t hidden;
  std::int64_t heads, kv_heads;
  std::int64_t qkv_width;        ///< columns of the QKV product
  std::int64_t rotated_width;    ///< queries and keys
  std::int64_t attention_width;  ///< rows of the projection
  std::int64_t attention_batch;  ///< micro batch times heads
  std::int64_t seq, head_dim;
  std::int64_t ffn, ffn_in;  ///< inner width of the MLP; twice that with a gate
  std::int64_t vocab;
  std::int64_t element;  ///< bytes of an activation
  std::int64_t mask;     ///< bytes of a dropout mask for each element: 1, or 0 without dropout
  const Model& model;
  const Plan& plan;

  void attention_core_forward();

 private:
  void kernel(const char* name, std::variant<Stream, Gemm, Attention> work);

  Steps steps_;
  std::int16_t layer_ = -1;
  const char* block_ = "";
  Kind kind_ = Kind::forward;
};

/// Forward of one layer; recomputation emits it again with another kind.
void layer_forward(StepWriter& writer, std::int16_t layer, Kind kind);

/// The layers of a chunk: [first, last).
struct LayerRange {
  std::int64_t first, last;
};
LayerRange layers_of(const Model& model, const Plan& plan, std::int64_t chunk);

}  // namespace rehearse
