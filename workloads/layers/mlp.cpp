// The MLP of a transformer: a column-parallel product, the activation, a row-parallel one.
#include "workloads/layers/layers.hpp"

namespace rehearse {

namespace {

struct Sizes {
  explicit Sizes(const StepWriter& w)
      : ffn(w.model.ffn / w.plan.tensor),
        ffn_in(w.model.ffn_in_width() / w.plan.tensor),
        first{"ffn 1", w.tokens, w.hidden, ffn_in},
        second{"ffn 2", w.tokens, ffn, w.hidden} {}

  std::int64_t ffn, ffn_in;  ///< inner width; twice that with a gate
  Linear first, second;
};

}  // namespace

void mlp_forward(StepWriter& w) {
  const Sizes s(w);
  norm_forward(w, "mlp input", "mlp norm");
  column_parallel_forward(w, s.first);
  w.keep("ffn 1 output", w.tokens * s.ffn_in * w.element);
  w.keep("ffn 2 input", w.tokens * s.ffn * w.element);
  w.stream("activation", w.model.gated() ? StreamKind::swiglu_forward : StreamKind::gelu_forward, w.element,
           w.tokens * (s.ffn_in + s.ffn));
  row_parallel_forward(w, s.second);
  residual_forward(w, "mlp mask");
}

void mlp_backward(StepWriter& w) {
  const Sizes s(w);
  residual_backward(w, "mlp mask");
  w.make("ffn 2 input gradient", w.tokens * s.ffn * w.element);
  row_parallel_backward(w, s.second, "ffn 2 input", "ffn 2 output gradient");
  w.make("ffn 1 output gradient", w.tokens * s.ffn_in * w.element);
  w.stream("activation gradient", w.model.gated() ? StreamKind::swiglu_backward : StreamKind::gelu_backward, w.element,
           w.tokens * (s.ffn + 2 * s.ffn_in));
  w.unmake("ffn 2 input gradient", w.tokens * s.ffn * w.element);
  w.drop("ffn 1 output", w.tokens * s.ffn_in * w.element);
  column_parallel_backward(w, s.first, "mlp norm", "ffn 1 output gradient");
  norm_backward(w, "mlp input");
}

}  // namespace rehearse
