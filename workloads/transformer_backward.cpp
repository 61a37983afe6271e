#include "workloads/transformer_kernels.hpp"

namespace rehearse {

namespace {

/// The two products behind Y (m x n) = X (m x k) W (k x n): of the input and of the weight.
void gemm_backward(StepWriter& w, const char* input, const char* weight, std::int64_t m, std::int64_t n,
                   std::int64_t k) {
  w.gemm(input, Layout::nn, m, k, n);
  w.gemm(weight, Layout::nt, n, k, m);
}

/// Reads the gradient, the saved input and the residual's gradient; writes one.
void norm_backward(StepWriter& w) {
  const bool rms = w.model.norm == Norm::rms_norm;
  w.stream("norm gradient", rms ? StreamKind::rms_norm_backward : StreamKind::layer_norm_backward, 4 * w.element,
           w.local_tokens * w.hidden);
}

/// Without dropout the gradient of a residual goes through as it is; a bias takes its own from the product's kernel.
void dropout_add_backward(StepWriter& w) {
  if (w.mask > 0)
    w.stream("dropout gradient", StreamKind::dropout_add_backward, 2 * w.element + w.mask, w.local_tokens * w.hidden);
}

void attention_core_backward(StepWriter& w) {
  if (w.plan.attention == AttentionKind::flash) return w.fused_attention("flash attention gradient", true);
  const std::int64_t scores = w.attention_batch * w.seq * w.seq;
  w.gemm("context gradient of probabilities", Layout::tn, w.seq, w.seq, w.head_dim, w.attention_batch);
  w.gemm("context gradient of values", Layout::nt, w.seq, w.head_dim, w.seq, w.attention_batch);
  if (w.mask > 0)
    w.stream("attention dropout gradient", StreamKind::dropout_add_backward, 2 * w.element + w.mask, scores);
  w.stream("softmax gradient", StreamKind::softmax_backward, 3 * w.element, scores);
  w.gemm("scores gradient of queries", Layout::nn, w.seq, w.head_dim, w.seq, w.attention_batch);
  w.gemm("scores gradient of keys", Layout::nt, w.seq, w.head_dim, w.seq, w.attention_batch);
}

void mlp_backward(StepWriter& w, std::int16_t layer) {
  w.at(layer, "mlp", Kind::backward);
  dropout_add_backward(w);
  w.enter_parallel_region();
  gemm_backward(w, "ffn 2 gradient of input", "ffn 2 gradient of weight", w.tokens, w.hidden, w.ffn);
  w.stream("activation gradient", w.model.gated() ? StreamKind::swiglu_backward : StreamKind::gelu_backward, w.element,
           w.tokens * (w.ffn + 2 * w.ffn_in));
  gemm_backward(w, "ffn 1 gradient of input", "ffn 1 gradient of weight", w.tokens, w.ffn_in, w.hidden);
  w.leave_parallel_region();
  norm_backward(w);
}

void attention_backward(StepWriter& w, std::int16_t layer) {
  w.at(layer, "attention", Kind::backward);
  dropout_add_backward(w);
  w.enter_parallel_region();
  gemm_backward(w, "projection gradient of input", "projection gradient of weight", w.tokens, w.hidden,
                w.attention_width);
  if (w.plan.recompute == Recompute::selective) {
    w.at(layer, "attention", Kind::recompute);
    w.attention_core_forward();
    w.at(layer, "attention", Kind::backward);
  }
  attention_core_backward(w);
  if (w.model.positions == Positions::rotary)
    w.stream("rotary gradient", StreamKind::rotary, 2 * w.element, w.tokens * w.rotated_width);
  gemm_backward(w, "qkv gradient of input", "qkv gradient of weight", w.tokens, w.qkv_width, w.hidden);
  w.leave_parallel_region();
  norm_backward(w);
}

/// The gradient of the logits is scaled in fp32 (8 bytes) and cast (4 + element).
void head_backward(StepWriter& w) {
  w.at(-1, "head", Kind::backward);
  w.stream("cross entropy gradient", StreamKind::cross_entropy_backward, w.element + 12, w.tokens * w.vocab);
  gemm_backward(w, "logits gradient of input", "logits gradient of weight", w.tokens, w.vocab, w.hidden);
  w.leave_parallel_region();
  norm_backward(w);
}

void embedding_backward(StepWriter& w) {
  w.at(-1, "embedding", Kind::backward);
  if (w.model.positions == Positions::learned || w.mask > 0) dropout_add_backward(w);
  w.enter_parallel_region();
  w.stream("embedding gradient", StreamKind::embedding_backward, 3 * w.element, w.tokens * w.hidden);
}

}  // namespace

Steps backward_steps(const Model& model, const Plan& plan, std::int64_t chunk) {
  StepWriter w(model, plan);
  if (chunk + 1 == plan.chunks()) head_backward(w);
  const LayerRange range = layers_of(model, plan, chunk);
  for (std::int64_t i = range.last - 1; i >= range.first; --i) {
    const auto layer = static_cast<std::int16_t>(i);
    if (plan.recompute == Recompute::full) layer_forward(w, layer, Kind::recompute);
    mlp_backward(w, layer);
    attention_backward(w, layer);
  }
  if (chunk == 0) embedding_backward(w);
  return w.take();
}

Steps optimizer_steps(const Plan& plan, std::int64_t parameters) {
  const std::int64_t weight = element_bytes(plan.precision), gradient = element_bytes(plan.gradient_precision);
  Steps steps;
  const auto add = [&](const char* name, StreamKind kind, std::int64_t per_parameter) {
    const Stream stream{kind, Bytes(per_parameter * parameters)};
    steps.emplace_back(
        KernelStep{{.name = name, .work = stream, .precision = plan.precision}, Kind::optimizer, -1, "optimizer"});
  };
  add("gradient norm", StreamKind::reduction, gradient);
  add("gradient clip", StreamKind::scale, 2 * gradient);
  // fp32 master weight and two moments, each read and written; the gradient read; the working weight written.
  add("adam", StreamKind::adam, 24 + gradient + weight);
  return steps;
}

}  // namespace rehearse
