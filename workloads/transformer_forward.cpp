#include "workloads/transformer_kernels.hpp"

namespace rehearse {

namespace {

void norm_forward(StepWriter& w) {
  const bool rms = w.model.norm == Norm::rms_norm;
  w.stream("norm", rms ? StreamKind::rms_norm_forward : StreamKind::layer_norm_forward, 2 * w.element,
           w.local_tokens * w.hidden);
}

/// The end of a block: the bias, the dropout and the residual in one kernel.
void add_forward(StepWriter& w) {
  w.stream("bias, dropout, add", StreamKind::dropout_add_forward, 3 * w.element + w.mask, w.local_tokens * w.hidden);
}

void attention_forward(StepWriter& w) {
  norm_forward(w);
  w.enter_parallel_region();
  w.gemm("qkv", Layout::tn, w.tokens, w.qkv_width, w.hidden);
  if (w.model.positions == Positions::rotary)
    w.stream("rotary", StreamKind::rotary, 2 * w.element, w.tokens * w.rotated_width);
  w.attention_core_forward();
  w.gemm("projection", Layout::tn, w.tokens, w.hidden, w.attention_width);
  w.leave_parallel_region();
  add_forward(w);
}

void mlp_forward(StepWriter& w) {
  norm_forward(w);
  w.enter_parallel_region();
  w.gemm("ffn 1", Layout::tn, w.tokens, w.ffn_in, w.hidden);
  w.stream("activation", w.model.gated() ? StreamKind::swiglu_forward : StreamKind::gelu_forward, w.element,
           w.tokens * (w.ffn_in + w.ffn));
  w.gemm("ffn 2", Layout::tn, w.tokens, w.hidden, w.ffn);
  w.leave_parallel_region();
  add_forward(w);
}

void embedding_forward(StepWriter& w) {
  w.at(-1, "embedding", Kind::forward);
  w.stream("embedding", StreamKind::embedding_forward, 2 * w.element, w.tokens * w.hidden);
  w.leave_parallel_region();
  if (w.model.positions == Positions::learned || w.mask > 0)
    w.stream("positions, dropout", StreamKind::dropout_add_forward, 3 * w.element + w.mask, w.local_tokens * w.hidden);
}

/// The loss works in fp32 on this rank's share of the vocabulary: cast (element + 4 bytes), maximum (4), subtract (8),
/// exponential (8), sum (4), divide (8); maximum, sum and the target's logit are reduced over the tensor group.
void head_forward(StepWriter& w) {
  w.at(-1, "head", Kind::forward);
  norm_forward(w);
  w.enter_parallel_region();
  w.gemm("logits", Layout::tn, w.tokens, w.vocab, w.hidden);
  w.stream("cross entropy", StreamKind::cross_entropy_forward, w.element + 36, w.tokens * w.vocab);
  for (int reduction = 0; reduction < 3; ++reduction) w.tensor_collective(CollectiveOp::all_reduce, w.tokens, 4);
}

}  // namespace

void layer_forward(StepWriter& w, std::int16_t layer, Kind kind) {
  w.at(layer, "attention", kind);
  attention_forward(w);
  w.at(layer, "mlp", kind);
  mlp_forward(w);
}

Steps forward_steps(const Model& model, const Plan& plan, std::int64_t chunk) {
  StepWriter w(model, plan);
  if (chunk == 0) embedding_forward(w);
  const LayerRange range = layers_of(model, plan, chunk);
  for (std::int64_t layer = range.first; layer < range.last; ++layer)
    layer_forward(w, static_cast<std::int16_t>(layer), Kind::forward);
  if (chunk + 1 == plan.chunks()) head_forward(w);
  return w.take();
}

}  // namespace rehearse
