// Attention by heads: each tensor rank has some (Shoeybi et al. 2019, Section 3), with fewer KV heads than ranks each
// at least one.
#include "workloads/layers/layers.hpp"

namespace rehearse {

namespace {

struct Sizes {
  explicit Sizes(const StepWriter& w)
      : width(w.heads * w.model.head_dim),
        qkv_width((w.heads + 2 * w.kv_heads) * w.model.head_dim),
        batch(w.plan.micro_batch * w.heads),
        seq(w.model.seq_len),
        scores(batch * seq * seq),
        qkv{"qkv", w.tokens, w.hidden, qkv_width},
        projection{"projection", w.tokens, width, w.hidden} {}

  std::int64_t width, qkv_width;
  std::int64_t batch;  ///< micro batch times heads
  std::int64_t seq, scores;
  Linear qkv, projection;
};

void fused(StepWriter& w, std::string_view name, bool backward) {
  w.kernel(name, Attention{.batch = w.plan.micro_batch,
                           .heads = w.heads,
                           .kv_heads = w.kv_heads,
                           .seq_q = w.model.seq_len,
                           .seq_kv = w.model.seq_len,
                           .head_dim = w.model.head_dim,
                           .causal = true,
                           .backward = backward,
                           .fused = true});
}

/// softmax(Q K^T) V. Of the unfused core, probabilities, mask and dropped probabilities are kept.
void core_forward(StepWriter& w, const Sizes& s) {
  if (w.plan.attention == AttentionKind::flash) return fused(w, "flash attention", false);
  const std::int64_t e = w.element;
  w.gemm("scores", Layout::tn, s.seq, s.seq, w.model.head_dim, s.batch);
  w.keep("probabilities", s.scores * e);
  w.stream("mask and softmax", StreamKind::softmax_forward, 2 * e, s.scores);
  if (w.mask > 0) {
    w.keep("probabilities mask", s.scores * w.mask);
    w.keep("dropped probabilities", s.scores * e);
    w.stream("attention dropout", StreamKind::dropout_add_forward, 2 * e + w.mask, s.scores);
  }
  w.gemm("context", Layout::nn, s.seq, w.model.head_dim, s.seq, s.batch);
}

void core_backward(StepWriter& w, const Sizes& s) {
  if (w.plan.attention == AttentionKind::flash) return fused(w, "flash attention gradient", true);
  const std::int64_t e = w.element;
  w.make("probabilities gradient", s.scores * e);
  w.gemm("context gradient of probabilities", Layout::tn, s.seq, s.seq, w.model.head_dim, s.batch);
  w.gemm("context gradient of values", Layout::nt, s.seq, w.model.head_dim, s.seq, s.batch);
  if (w.mask > 0) {
    w.drop("dropped probabilities", s.scores * e);
    w.stream("attention dropout gradient", StreamKind::dropout_add_backward, 2 * e + w.mask, s.scores);
    w.drop("probabilities mask", s.scores * w.mask);
  }
  w.stream("softmax gradient", StreamKind::softmax_backward, 3 * e, s.scores);
  w.drop("probabilities", s.scores * e);
  w.gemm("scores gradient of queries", Layout::nn, s.seq, w.model.head_dim, s.seq, s.batch);
  w.gemm("scores gradient of keys", Layout::nt, s.seq, w.model.head_dim, s.seq, s.batch);
  w.unmake("probabilities gradient", s.scores * e);
}

void rotate(StepWriter& w, std::string_view name) {
  if (w.model.positions == Positions::rotary)
    w.stream(name, StreamKind::rotary, 2 * w.element, w.tokens * (w.heads + w.kv_heads) * w.model.head_dim);
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

void attention_forward(StepWriter& w) {
  const Sizes s(w);
  norm_forward(w, "attention input", "attention norm");
  column_parallel_forward(w, s.qkv);
  w.keep("queries, keys, values", w.tokens * s.qkv_width * w.element);
  rotate(w, "rotary");
  {
    const SelectiveCore core(w, Recording::forgotten);
    core_forward(w, s);
    if (core.is_on()) w.end_part();
  }
  w.keep("context", w.tokens * s.width * w.element);
  row_parallel_forward(w, s.projection);
  residual_forward(w, "attention mask");
}

void attention_backward(StepWriter& w) {
  const Sizes s(w);
  residual_backward(w, "attention mask");
  w.make("context gradient", w.tokens * s.width * w.element);
  row_parallel_backward(w, s.projection, "context", "projection output gradient");
  {
    const SelectiveCore core(w, Recording::remade);
    if (core.is_on()) {
      const Kind kind = w.kind();
      w.set_kind(Kind::recompute);
      core_forward(w, s);
      w.set_kind(kind);
    }
    w.make("qkv gradient", w.tokens * s.qkv_width * w.element);
    core_backward(w, s);
  }
  w.unmake("context gradient", w.tokens * s.width * w.element);
  rotate(w, "rotary gradient");
  w.drop("queries, keys, values", w.tokens * s.qkv_width * w.element);
  column_parallel_backward(w, s.qkv, "attention norm", "qkv gradient");
  norm_backward(w, "attention input");
}

}  // namespace rehearse
