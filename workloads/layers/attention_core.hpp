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

/// The queries, keys and values are those of this context rank (StepWriter::tokens); so are the results and, backward,
/// the gradients. With selective recomputation nothing of it is kept.
void attention_core_forward(StepWriter& w, const AttentionCore& core);
/// With selective recomputation it is made again first.
void attention_core_backward(StepWriter& w, const AttentionCore& core);

/// Context-parallel ranks that pass their keys and values round (ContextExchange::ring).
void ring_attention_forward(StepWriter& w, const AttentionCore& core);
void ring_attention_backward(StepWriter& w, const AttentionCore& core);

/// A fused kernel for each sequence of the micro batch. `queries` and `keys`: of a sequence.
void fused_attention(StepWriter& w, const AttentionCore& core, std::int64_t queries, std::int64_t keys, bool causal,
                     bool backward);

}  // namespace rehearse
