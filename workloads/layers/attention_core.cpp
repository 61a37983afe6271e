#include "workloads/layers/attention_core.hpp"

namespace rehearse {

namespace {

struct Sizes {
  Sizes(const StepWriter& w, const AttentionCore& core)
      : batch(w.plan.micro_batch * core.heads), seq(w.model.seq_len), scores(batch * seq * seq) {}

  std::int64_t batch;  ///< micro batch times heads
  std::int64_t seq, scores;
};

void fused(StepWriter& w, std::string_view name, const AttentionCore& core, bool backward) {
  w.kernel(name, Attention{.batch = w.plan.micro_batch,
                           .heads = core.heads,
                           .kv_heads = core.kv_heads,
                           .seq_q = w.model.seq_len,
                           .seq_kv = w.model.seq_len,
                           .head_dim = core.head_dim,
                           .causal = true,
                           .backward = backward,
                           .fused = true,
                           .value_dim = core.value_dim});
}

/// Of the unfused core, probabilities, mask and dropped probabilities are kept.
void forward(StepWriter& w, const AttentionCore& core) {
  if (w.plan.attention == AttentionKind::flash) return fused(w, "flash attention", core, false);
  const Sizes s(w, core);
  const std::int64_t e = w.element;
  w.gemm("scores", Layout::tn, s.seq, s.seq, core.head_dim, s.batch);
  w.keep("probabilities", s.scores * e);
  w.stream("mask and softmax", StreamKind::softmax_forward, 2 * e, s.scores);
  if (w.mask > 0) {
    w.keep("probabilities mask", s.scores * w.mask);
    w.keep("dropped probabilities", s.scores * e);
    w.stream("attention dropout", StreamKind::dropout_add_forward, 2 * e + w.mask, s.scores);
  }
  w.gemm("context", Layout::nn, s.seq, core.value_dim, s.seq, s.batch);
}

void backward(StepWriter& w, const AttentionCore& core) {
  if (w.plan.attention == AttentionKind::flash) return fused(w, "flash attention gradient", core, true);
  const Sizes s(w, core);
  const std::int64_t e = w.element;
  w.make("probabilities gradient", s.scores * e);
  w.gemm("context gradient of probabilities", Layout::tn, s.seq, s.seq, core.value_dim, s.batch);
  w.gemm("context gradient of values", Layout::nt, s.seq, core.value_dim, s.seq, s.batch);
  if (w.mask > 0) {
    w.drop("dropped probabilities", s.scores * e);
    w.stream("attention dropout gradient", StreamKind::dropout_add_backward, 2 * e + w.mask, s.scores);
    w.drop("probabilities mask", s.scores * w.mask);
  }
  w.stream("softmax gradient", StreamKind::softmax_backward, 3 * e, s.scores);
  w.drop("probabilities", s.scores * e);
  w.gemm("scores gradient of queries", Layout::nn, s.seq, core.head_dim, s.seq, s.batch);
  w.gemm("scores gradient of keys", Layout::nt, s.seq, core.head_dim, s.seq, s.batch);
  w.unmake("probabilities gradient", s.scores * e);
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
