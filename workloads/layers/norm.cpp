// What the parts of a transformer begin and end with.
#include "workloads/layers/layers.hpp"

namespace rehearse {

void norm_forward(StepWriter& w, std::string_view input, std::string_view output) {
  const bool rms = w.model.norm == Norm::rms_norm;
  w.keep_input(input, w.stream_bytes);
  w.keep(output, w.stream_bytes);
  w.stream("norm", rms ? StreamKind::rms_norm_forward : StreamKind::layer_norm_forward, 2 * w.element,
           w.local_tokens * w.hidden);
}

/// Reads the gradient, the saved input and the residual's gradient; writes one.
void norm_backward(StepWriter& w, std::string_view input) {
  const bool rms = w.model.norm == Norm::rms_norm;
  w.stream("norm gradient", rms ? StreamKind::rms_norm_backward : StreamKind::layer_norm_backward, 4 * w.element,
           w.local_tokens * w.hidden);
  w.drop_input(input, w.stream_bytes);
}

void add_gradients(StepWriter& w, std::string_view name) {
  w.stream(name, StreamKind::dropout_add_forward, 3 * w.element, w.local_tokens * w.hidden);
}

/// The bias, the dropout and the residual are one kernel.
void residual_forward(StepWriter& w, std::string_view mask) {
  w.keep(mask, w.local_tokens * w.hidden * w.mask);
  w.stream("bias, dropout, add", StreamKind::dropout_add_forward, 3 * w.element + w.mask, w.local_tokens * w.hidden);
  w.end_part();
}

/// Without dropout the gradient of a residual goes through as it is; a bias takes its own from the product's kernel.
void residual_backward(StepWriter& w, std::string_view mask) {
  if (w.mask == 0) return;
  w.stream("dropout gradient", StreamKind::dropout_add_backward, 2 * w.element + w.mask, w.local_tokens * w.hidden);
  w.drop(mask, w.local_tokens * w.hidden * w.mask);
}

}  // namespace rehearse
