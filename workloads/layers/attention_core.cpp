#include "workloads/layers/attention_core.hpp"

namespace rehearse {

namespace {

struct Sizes {
  Sizes(const StepWriter& w, const AttentionCore& core)
      : batch(w.plan.micro_batch * core.heads),
        queries(w.model.seq_len / w.plan.context),
        keys(w.model.seq_len),
        scores(batch * queries * keys) {}

  std::int64_t batch;          ///< micro batch times heads
  std::int64_t queries, keys;  ///< of a sequence: those of this context rank, and all
  std::int64_t scores;
};

/// Keys and values of all context ranks, while it lives (Llama 3, arXiv 2407.21783, Section 3.3.2). Nothing where a
/// rank has whole sequences.
class GatheredKeys {
 public:
  GatheredKeys(StepWriter& w, const AttentionCore& core)
      : w_(w),
        elements_(w.plan.context > 1
                      ? w.plan.micro_batch * w.model.seq_len * core.kv_heads * (core.head_dim + core.value_dim)
                      : 0) {
    w_.memory("gathered keys, values", elements_ * w_.element, MemoryUse::gathered);
    w_.collective(GroupKind::context, CollectiveOp::all_gather, elements_, w_.element, Operand::keys_values);
  }
  ~GatheredKeys() { w_.memory("gathered keys, values", -elements_ * w_.element, MemoryUse::gathered); }
  GatheredKeys(const GatheredKeys&) = delete;
  GatheredKeys& operator=(const GatheredKeys&) = delete;

  /// Room for their gradients; and the sum of these over the ranks, each its own tokens.
  void make_gradients() { w_.memory("gathered key, value gradients", elements_ * w_.element, MemoryUse::gathered); }
  void reduce_gradients() {
    w_.collective(GroupKind::context, CollectiveOp::reduce_scatter, elements_, w_.element, Operand::keys_values);
    w_.memory("gathered key, value gradients", -elements_ * w_.element, MemoryUse::gathered);
  }

 private:
  StepWriter& w_;
  std::int64_t elements_;
};

/// A query of a context rank's two pieces (attention_ring.cpp) sees half of the sequence on average, whichever rank it
/// is. That is what a causal kernel of as many queries has with the keys of half a sequence and half a rank's share.
void fused_with_gathered(StepWriter& w, const AttentionCore& core, bool backward) {
  const std::int64_t queries = w.model.seq_len / w.plan.context;
  fused_attention(w, core, queries, (w.model.seq_len + queries) / 2, true, backward);
}

/// Bytes for each score, and how many kernels move them.
struct SoftmaxKernels {
  std::int64_t bytes, launches;
};

/// Whether there is one kernel for scale, mask and softmax of so many matrices of scores.
bool is_fused_softmax(const StepWriter& w, std::int64_t matrices) {
  return w.plan.kernels.softmax > 0 && matrices % w.plan.kernels.softmax == 0;
}

/// Separate: cast to fp32 (element + 4), scale (8), mask (8), softmax (8), cast back (4 + element).
SoftmaxKernels softmax_forward_kernels(const StepWriter& w, std::int64_t matrices) {
  return is_fused_softmax(w, matrices) ? SoftmaxKernels{2 * w.element, 1} : SoftmaxKernels{2 * w.element + 32, 5};
}

/// Separate: cast (element + 4), softmax (12), mask (8), scale (8), cast back (4 + element).
SoftmaxKernels softmax_backward_kernels(const StepWriter& w, std::int64_t matrices) {
  return is_fused_softmax(w, matrices) ? SoftmaxKernels{3 * w.element, 1} : SoftmaxKernels{2 * w.element + 36, 5};
}

/// Of the unfused core, probabilities, mask and dropped probabilities are kept.
void unfused_forward(StepWriter& w, const AttentionCore& core) {
  const Sizes s(w, core);
  const std::int64_t e = w.element;
  w.gemm("scores", Layout::tn, s.queries, s.keys, core.head_dim, s.batch);
  w.keep("probabilities", s.scores * e);
  const SoftmaxKernels softmax = softmax_forward_kernels(w, s.batch);
  w.stream("mask and softmax", StreamKind::softmax_forward, softmax.bytes, s.scores, softmax.launches);
  if (w.mask > 0) {
    w.keep("probabilities mask", s.scores * w.mask);
    w.keep("dropped probabilities", s.scores * e);
    w.stream("attention dropout", StreamKind::dropout_add_forward, 2 * e + w.mask, s.scores);
  }
  w.gemm("context", Layout::nn, s.queries, core.value_dim, s.keys, s.batch);
}

void unfused_backward(StepWriter& w, const AttentionCore& core) {
  const Sizes s(w, core);
  const std::int64_t e = w.element;
  w.make("probabilities gradient", s.scores * e);
  w.gemm("context gradient of probabilities", Layout::tn, s.queries, s.keys, core.value_dim, s.batch);
  w.gemm("context gradient of values", Layout::nt, s.keys, core.value_dim, s.queries, s.batch);
  if (w.mask > 0) {
    w.drop("dropped probabilities", s.scores * e);
    w.stream("attention dropout gradient", StreamKind::dropout_add_backward, 2 * e + w.mask, s.scores);
    w.drop("probabilities mask", s.scores * w.mask);
  }
  const SoftmaxKernels softmax = softmax_backward_kernels(w, s.batch);
  w.stream("softmax gradient", StreamKind::softmax_backward, softmax.bytes, s.scores, softmax.launches);
  w.drop("probabilities", s.scores * e);
  w.gemm("scores gradient of queries", Layout::nn, s.queries, core.head_dim, s.keys, s.batch);
  w.gemm("scores gradient of keys", Layout::nt, s.keys, core.head_dim, s.queries, s.batch);
  w.unmake("probabilities gradient", s.scores * e);
}

bool is_ring(const StepWriter& w) { return w.plan.context > 1 && w.plan.context_exchange == ContextExchange::ring; }

void forward(StepWriter& w, const AttentionCore& core) {
  if (is_ring(w)) return ring_attention_forward(w, core);
  const GatheredKeys gathered(w, core);
  w.plan.attention == AttentionKind::flash ? fused_with_gathered(w, core, false) : unfused_forward(w, core);
}

void backward(StepWriter& w, const AttentionCore& core) {
  if (is_ring(w)) return ring_attention_backward(w, core);
  GatheredKeys gathered(w, core);
  gathered.make_gradients();
  w.plan.attention == AttentionKind::flash ? fused_with_gathered(w, core, true) : unfused_backward(w, core);
  gathered.reduce_gradients();
}

/// What selective recomputation makes again is not kept.
class SelectiveCore {
 public:
  SelectiveCore(StepWriter& w, Recording recording) : w_(w), before_(w.recording()) {
    if (is_on()) w_.set_recording(recording);
  }
  ~SelectiveCore() { w_.set_recording(before_); }
  SelectiveCore(const SelectiveCore&) = delete;
  SelectiveCore& operator=(const SelectiveCore&) = delete;
  [[nodiscard]] bool is_on() const { return w_.plan.recompute == Recompute::selective && before_ == Recording::kept; }

 private:
  StepWriter& w_;
  Recording before_;
};

}  // namespace

void fused_attention(StepWriter& w, const AttentionCore& core, std::int64_t queries, std::int64_t keys, bool causal,
                     bool backward) {
  w.kernel(backward ? "flash attention gradient" : "flash attention",
           Attention{.batch = w.plan.micro_batch,
                     .heads = core.heads,
                     .kv_heads = core.kv_heads,
                     .seq_q = queries,
                     .seq_kv = keys,
                     .head_dim = core.head_dim,
                     .causal = causal,
                     .backward = backward,
                     .fused = true,
                     .value_dim = core.value_dim == core.head_dim ? 0 : core.value_dim});
}

void attention_core_forward(StepWriter& w, const AttentionCore& core) {
  const SelectiveCore selective(w, Recording::forgotten);
  forward(w, core);
  if (selective.is_on()) w.end_part();
}

void attention_core_backward(StepWriter& w, const AttentionCore& core) {
  const SelectiveCore selective(w, Recording::remade);
  if (selective.is_on()) {
    const Kind kind = w.kind();
    w.set_kind(Kind::recompute);
    forward(w, core);
    w.set_kind(kind);
  }
  backward(w, core);
}

}  // namespace rehearse
