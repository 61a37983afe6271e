// Attention whose keys and values go round the context-parallel ranks, block by block, beside the products (Liu et al.
// 2023, arXiv 2310.01889). Each rank has one piece of s / 2c tokens from the front of a sequence and the one as far
// from its end (Llama 3, arXiv 2407.21783, Section 3.3.2): with its own block it does a causal attention of s / c
// tokens, and of any other block exactly half is masked. Of a block from before that is all its queries with the keys
// of one piece; of one from behind, half of them with both. These have the same FLOPs, and a step takes as long as the
// longest of the group, so every rank is given the first.
#include <array>

#include "workloads/layers/attention_core.hpp"

namespace rehearse {

namespace {

/// Of what one is sent while the one before is in use.
constexpr std::array<std::string_view, 2> block_names{"keys, values under way 1", "keys, values under way 2"};
constexpr std::array<std::string_view, 2> gradient_names{"key, value gradients under way 1",
                                                         "key, value gradients under way 2"};

class Ring {
 public:
  Ring(StepWriter& w, const AttentionCore& core)
      : w_(w),
        core_(core),
        ranks_(w.plan.context),
        piece_(w.model.seq_len / (2 * ranks_)),
        block_(w.tokens * core.kv_heads * (core.head_dim + core.value_dim)),
        results_(w.tokens * core.heads * core.value_dim),
        queries_(w.tokens * core.heads * core.head_dim) {}

  /// Step i works on the block that came in step i - 1, and hands it on meanwhile.
  void forward() {
    std::int32_t arrival = StepWriter::no_handle;
    for (std::int64_t i = 0; i < ranks_; ++i) {
      w_.wait(arrival);
      if (i + 1 < ranks_) {
        hold(block_names, i + 1, 1);
        arrival = send(block_);
      }
      if (i > 0) w_.make("partial context", results_ * w_.element);
      attend(i, false);
      if (i == 0) continue;
      // The result so far, scaled, and the new part, scaled: both read, one written.
      w_.stream("merge of partial contexts", StreamKind::scale, 3 * w_.element, results_);
      w_.unmake("partial context", results_ * w_.element);
      hold(block_names, i, -1);
    }
  }

  /// Gradients of a block's keys and values follow one step behind it: what step i - 1 has added goes to the rank that
  /// works on the block in step i, which adds its own. After the last step they are one hop from home.
  void backward() {
    for (std::int64_t i = 0; i < ranks_; ++i) {
      const bool last = i + 1 == ranks_;
      hold(gradient_names, i, 1);
      if (!last) hold(block_names, i + 1, 1);
      const std::int32_t arrival = send((last ? 0 : block_) + (i > 0 ? block_ : 0));
      if (i > 0) w_.make("partial gradients", partial_gradients() * w_.element);
      attend(i, true);
      w_.wait(arrival);
      if (i == 0) continue;
      w_.stream("sum of partial gradients", StreamKind::scale, 3 * w_.element, partial_gradients());
      w_.unmake("partial gradients", partial_gradients() * w_.element);
      hold(gradient_names, i - 1, -1);
      hold(block_names, i, -1);
    }
    w_.collective(GroupKind::context, CollectiveOp::send_recv, block_, w_.element, Operand::keys_values);
    hold(gradient_names, ranks_ - 1, -1);
  }

 private:
  void attend(std::int64_t step, bool backward) {
    if (step == 0) return fused_attention(w_, core_, 2 * piece_, 2 * piece_, true, backward);
    fused_attention(w_, core_, 2 * piece_, piece_, false, backward);
  }
  std::int32_t send(std::int64_t elements) {
    return w_.start_collective(GroupKind::context, CollectiveOp::send_recv, elements, w_.element, Operand::keys_values);
  }
  /// Of all queries, and of one piece of keys and values.
  [[nodiscard]] std::int64_t partial_gradients() const { return queries_ + block_ / 2; }
  void hold(const std::array<std::string_view, 2>& names, std::int64_t step, std::int64_t sign) {
    w_.memory(names[static_cast<std::size_t>(step % 2)], sign * block_ * w_.element, MemoryUse::gathered);
  }

  StepWriter& w_;
  const AttentionCore& core_;
  std::int64_t ranks_, piece_;  ///< tokens of a piece
  std::int64_t block_;          ///< elements of keys and values of a rank
  std::int64_t results_, queries_;
};

}  // namespace

void ring_attention_forward(StepWriter& w, const AttentionCore& core) { Ring(w, core).forward(); }
void ring_attention_backward(StepWriter& w, const AttentionCore& core) { Ring(w, core).backward(); }

}  // namespace rehearse
