// The MLP of a transformer: a column-parallel product, the activation, a row-parallel one.
#include "workloads/layers/layers.hpp"

namespace rehearse {

namespace {

constexpr FfnNames names{.first = "ffn 1",
                         .first_output = "ffn 1 output",
                         .activation = "activation",
                         .second_input = "ffn 2 input",
                         .second = "ffn 2",
                         .second_output_gradient = "ffn 2 output gradient",
                         .second_input_gradient = "ffn 2 input gradient",
                         .activation_gradient = "activation gradient",
                         .first_output_gradient = "ffn 1 output gradient"};

Ffn mlp_of(const StepWriter& w) { return {w.model.ffn / w.plan.tensor, names}; }

Linear first_of(const StepWriter& w, const Ffn& ffn) {
  return {ffn.names.first, w.tokens, w.hidden, ffn_in_width(w, ffn.width)};
}
Linear second_of(const StepWriter& w, const Ffn& ffn) { return {ffn.names.second, w.tokens, ffn.width, w.hidden}; }

}  // namespace

std::int64_t ffn_in_width(const StepWriter& w, std::int64_t width) { return w.model.gated() ? 2 * width : width; }

void activation_forward(StepWriter& w, std::string_view name, std::int64_t rows, std::int64_t width) {
  w.stream(name, w.model.gated() ? StreamKind::swiglu_forward : StreamKind::gelu_forward, w.element,
           rows * (ffn_in_width(w, width) + width));
}

void activation_backward(StepWriter& w, std::string_view name, std::int64_t rows, std::int64_t width) {
  w.stream(name, w.model.gated() ? StreamKind::swiglu_backward : StreamKind::gelu_backward, w.element,
           rows * (width + 2 * ffn_in_width(w, width)));
}

void ffn_forward(StepWriter& w, const Ffn& ffn) {
  const Linear first = first_of(w, ffn);
  column_parallel_forward(w, first);
  w.keep(ffn.names.first_output, w.tokens * first.outputs * w.element);
  w.keep(ffn.names.second_input, w.tokens * ffn.width * w.element);
  activation_forward(w, ffn.names.activation, w.tokens, ffn.width);
  row_parallel_forward(w, second_of(w, ffn));
}

void ffn_backward(StepWriter& w, const Ffn& ffn, std::string_view input) {
  const FfnNames& n = ffn.names;
  const Linear first = first_of(w, ffn);
  const std::int64_t inner = w.tokens * first.outputs * w.element, activated = w.tokens * ffn.width * w.element;
  w.make(n.second_input_gradient, activated);
  row_parallel_backward(w, second_of(w, ffn), n.second_input, n.second_output_gradient);
  w.make(n.first_output_gradient, inner);
  activation_backward(w, n.activation_gradient, w.tokens, ffn.width);
  w.unmake(n.second_input_gradient, activated);
  w.drop(n.first_output, inner);
  column_parallel_backward(w, first, input, n.first_output_gradient);
}

void mlp_forward(StepWriter& w) {
  norm_forward(w, "mlp input", "mlp norm");
  ffn_forward(w, mlp_of(w));
  residual_forward(w, "mlp mask");
}

void mlp_backward(StepWriter& w) {
  residual_backward(w, "mlp mask");
  ffn_backward(w, mlp_of(w), "mlp norm");
  norm_backward(w, "mlp input");
}

}  // namespace rehearse
