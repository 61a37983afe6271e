// Before the first layer of a transformer and after the last, over a share of the vocabulary (Shoeybi et al. 2019,
// Section 3).
#include "workloads/layers/layers.hpp"

namespace rehearse {

namespace {

/// Position embeddings and dropout are one kernel.
bool has_positions(const StepWriter& w) { return w.model.positions == Positions::learned || w.mask > 0; }

}  // namespace

void embedding_forward(StepWriter& w) {
  w.stream("embedding", StreamKind::embedding_forward, 2 * w.element, w.tokens * w.hidden);
  w.leave_parallel_region();
  if (!has_positions(w)) return;
  w.keep("embedding mask", w.local_tokens * w.hidden * w.mask);
  w.stream("positions, dropout", StreamKind::dropout_add_forward, 3 * w.element + w.mask, w.local_tokens * w.hidden);
}

void embedding_backward(StepWriter& w) {
  if (has_positions(w)) {
    w.stream("dropout gradient", StreamKind::dropout_add_backward, 2 * w.element + w.mask, w.local_tokens * w.hidden);
    w.drop("embedding mask", w.local_tokens * w.hidden * w.mask);
  }
  const OfWeight of_weight(w);
  w.enter_parallel_region();
  w.stream("embedding gradient", StreamKind::embedding_backward, 3 * w.element, w.tokens * w.hidden);
}

/// The loss works in fp32 on this rank's share of the vocabulary, a kernel each: cast (element + 4 bytes), maximum (4),
/// subtract (8), exponential (8), sum (4), divide (8); maximum, sum and the target's logit are reduced over the tensor
/// group.
void head_forward(StepWriter& w) {
  norm_forward(w, "head input", "head norm");
  column_parallel_forward(w, {"logits", w.tokens, w.hidden, w.vocab});
  w.keep("logits", w.tokens * w.vocab * 4);
  w.stream("cross entropy", StreamKind::cross_entropy_forward, w.element + 36, w.tokens * w.vocab, 6);
  for (const Operand operand : {Operand::loss_maximum, Operand::loss_target, Operand::loss_sum})
    w.collective(GroupKind::tensor, CollectiveOp::all_reduce, w.tokens, 4, operand);
}

/// The gradient of the logits is scaled in fp32 (8 bytes) and cast (4 + element), a kernel each.
void head_backward(StepWriter& w) {
  w.make("logits gradient", w.tokens * w.vocab * w.element);
  w.stream("cross entropy gradient", StreamKind::cross_entropy_backward, w.element + 12, w.tokens * w.vocab, 2);
  w.drop("logits", w.tokens * w.vocab * 4);
  column_parallel_backward(w, {"logits", w.tokens, w.hidden, w.vocab}, "head norm", "logits gradient");
  norm_backward(w, "head input");
}

}  // namespace rehearse
