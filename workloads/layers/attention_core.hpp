// The core of attention, softmax(Q K^T) V, on one GPU. Private to workloads.
#pragma once

#include "workloads/layers/step_writer.hpp"

namespace rehearse {

/// Of one micro batch, of this tensor rank.
struct AttentionCore {
  std::int64_t heads = 1, kv_heads = 1;
  std::int64_t head_dim = 1;   ///< of a query and a key
  std::int64_t value_dim = 1;  ///< of a value
};

/// With selective recomputation nothing of it is kept.
void attention_core_forward(StepWriter& w, const AttentionCore& core);
/// With selective recomputation it is made again first.
void attention_core_backward(StepWriter& w, const AttentionCore& core);

}  // namespace rehearse
