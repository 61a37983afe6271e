// A mixture of experts in place of the MLP (Fedus et al. 2021; shared experts: Dai et al. 2024). Every token's hidden
// vector goes to the ranks that hold its experts by an all_to_all, and what they make of it comes back by another
// (Lepikhin et al. 2020, arXiv 2006.16668). An expert is cut over the tensor ranks like an MLP; under sequence
// parallelism each of them sends its own tokens, gathered behind the all_to_all as in Megatron-LM, without it each
// sends all of them and the outputs are summed before they go back (Singh et al. 2023, arXiv 2303.06318). Tokens are
// taken to be spread evenly. The router's weights go with the tokens, uncounted, and are multiplied in with the
// activation.
#include <cmath>

#include "workloads/layers/layers.hpp"

namespace rehearse {

namespace {

constexpr FfnNames expert_names{.first = "expert ffn 1",
                                .first_output = "expert ffn 1 output",
                                .activation = "expert activation",
                                .second_input = "expert ffn 2 input",
                                .second = "expert ffn 2",
                                .second_output_gradient = "expert ffn 2 output gradient",
                                .second_input_gradient = "expert ffn 2 input gradient",
                                .activation_gradient = "expert activation gradient",
                                .first_output_gradient = "expert ffn 1 output gradient"};
constexpr FfnNames shared_names{.first = "shared ffn 1",
                                .first_output = "shared ffn 1 output",
                                .activation = "shared activation",
                                .second_input = "shared ffn 2 input",
                                .second = "shared ffn 2",
                                .second_output_gradient = "shared ffn 2 output gradient",
                                .second_input_gradient = "shared ffn 2 input gradient",
                                .activation_gradient = "shared activation gradient",
                                .first_output_gradient = "shared ffn 1 output gradient"};

/// Rows that this rank sends, and gets: a token for each expert that it goes to. With a capacity factor it has as many
/// slots for every expert, filled or not.
std::int64_t sent_rows(const StepWriter& w) {
  const Experts& e = w.model.experts;
  const std::int64_t copies = w.local_tokens * e.per_token;
  if (e.capacity_factor == 0) return copies;
  const double even = static_cast<double>(copies) / static_cast<double>(e.count);
  return e.count * std::llround(std::ceil(e.capacity_factor * even));
}

struct Sizes {
  explicit Sizes(const StepWriter& w)
      : sent(sent_rows(w)),
        rows(w.plan.sequence_parallel ? sent * w.plan.tensor : sent),
        local(w.model.experts.count / w.plan.expert),
        width(w.model.experts.ffn / w.plan.tensor),
        buffer_bytes(w.plan.expert > 1 || rows > sent ? sent * w.hidden * w.element : 0),
        rows_bytes(rows * w.hidden * w.element),
        inner_bytes(rows * ffn_in_width(w, width) * w.element),
        activated_bytes(rows * width * w.element),
        router{"router", w.local_tokens, w.hidden, w.model.experts.count},
        shared{w.model.experts.shared * width, shared_names} {}

  std::int64_t sent;          ///< rows
  std::int64_t rows;          ///< that the experts of this rank work on
  std::int64_t local;         ///< experts of this rank
  std::int64_t width;         ///< inner, of an expert on this tensor rank
  std::int64_t buffer_bytes;  ///< of what is sent, where it is not the experts' input as it is
  std::int64_t rows_bytes, inner_bytes, activated_bytes;
  Linear router;
  Ffn shared;
};

/// A product for each expert, all at once, each of its share of the rows (`nt`: summed over them). Where rows do not
/// divide by experts some have one more.
void grouped_product(StepWriter& w, const Sizes& s, std::string_view name, Layout layout, std::int64_t outputs,
                     std::int64_t inputs) {
  const std::int64_t rows = s.rows / s.local, more = s.rows % s.local;
  const auto add = [&](std::int64_t experts, std::int64_t m) {
    if (experts == 0 || m == 0) return;
    layout == Layout::nt ? w.gemm(name, layout, outputs, inputs, m, experts)
                         : w.gemm(name, layout, m, outputs, inputs, experts);
  };
  add(more, rows + 1);
  add(s.local - more, rows);
}

/// Logits of all experts, their softmax in fp32, the choice of the largest: of a logit is read and cast (element + 4
/// bytes), through the softmax (8), looked at (4).
void route(StepWriter& w, const Sizes& s) {
  const std::int64_t logits = s.router.rows * s.router.outputs;
  linear_forward(w, s.router);
  w.keep("router probabilities", logits * 4);
  w.stream("router softmax, top k", StreamKind::softmax_forward, w.element + 16, logits);
}

/// The gradients of what was chosen are laid out (4 bytes); the softmax reads them and the probabilities (8) and writes
/// the gradient of the logits.
void route_backward(StepWriter& w, const Sizes& s) {
  const std::int64_t logits = s.router.rows * s.router.outputs;
  w.make("router gradient", logits * w.element);
  w.stream("router softmax gradient", StreamKind::softmax_backward, w.element + 12, logits);
  w.drop("router probabilities", logits * 4);
  linear_backward(w, s.router);
  const OfWeight of_weight(w);
  w.unmake("router gradient", logits * w.element);
}

/// Tokens, or gradients, in the order of the experts that they go to; and back, the copies of a token added up.
void permute(StepWriter& w, const Sizes& s, std::string_view name) {
  w.stream(name, StreamKind::copy, w.element, (w.local_tokens + s.sent) * w.hidden);
}

/// What came rank by rank, in the order of this rank's experts; and back.
void sort(StepWriter& w, const Sizes& s, std::string_view name) {
  const bool comes_in_order = s.local == 1 || s.buffer_bytes == 0;
  if (!comes_in_order) w.stream(name, StreamKind::copy, 2 * w.element, s.rows * w.hidden);
}

void exchange(StepWriter& w, const Sizes& s, Operand operand) {
  w.collective(GroupKind::expert, CollectiveOp::all_to_all, s.sent * w.hidden, w.element, operand);
}

/// Rows to the experts' ranks, and what may be done meanwhile.
template <class F>
void dispatch(StepWriter& w, const Sizes& s, std::string_view permuted, F shared) {
  w.make(permuted, s.buffer_bytes);
  permute(w, s, "permute");
  if (w.plan.overlap_shared_experts) {
    const std::int32_t handle = w.start_collective(GroupKind::expert, CollectiveOp::all_to_all, s.sent * w.hidden,
                                                   w.element, Operand::dispatch);
    shared();
    return w.wait(handle);
  }
  exchange(w, s, Operand::dispatch);
}

void experts_ffn_forward(StepWriter& w, const Sizes& s) {
  const FfnNames& n = expert_names;
  grouped_product(w, s, n.first, Layout::tn, ffn_in_width(w, s.width), w.hidden);
  w.keep(n.first_output, s.inner_bytes);
  w.keep(n.second_input, s.activated_bytes);
  activation_forward(w, n.activation, s.rows, s.width);
  grouped_product(w, s, n.second, Layout::tn, w.hidden, s.width);
}

/// The gradient of the output has been made, and goes; that of the input is made.
void experts_ffn_backward(StepWriter& w, const Sizes& s) {
  const FfnNames& n = expert_names;
  w.make(n.second_input_gradient, s.activated_bytes);
  grouped_product(w, s, "expert ffn 2 gradient of input", Layout::nn, s.width, w.hidden);
  {
    const OfWeight of_weight(w);
    grouped_product(w, s, "expert ffn 2 gradient of weight", Layout::nt, w.hidden, s.width);
    w.drop(n.second_input, s.activated_bytes);
    w.unmake(n.second_output_gradient, s.rows_bytes);
  }
  w.make(n.first_output_gradient, s.inner_bytes);
  activation_backward(w, n.activation_gradient, s.rows, s.width);
  w.unmake(n.second_input_gradient, s.activated_bytes);
  w.drop(n.first_output, s.inner_bytes);
  w.make("expert input gradient", s.rows_bytes);
  grouped_product(w, s, "expert ffn 1 gradient of input", Layout::nn, w.hidden, ffn_in_width(w, s.width));
  const OfWeight of_weight(w);
  grouped_product(w, s, "expert ffn 1 gradient of weight", Layout::nt, ffn_in_width(w, s.width), w.hidden);
  w.drop("expert input", s.rows_bytes);
  w.unmake(n.first_output_gradient, s.inner_bytes);
}

}  // namespace

void experts_forward(StepWriter& w) {
  const Sizes s(w);
  const auto shared = [&] {
    if (s.shared.width > 0) ffn_forward(w, s.shared);
  };
  norm_forward(w, "mlp input", "mlp norm");
  route(w, s);
  dispatch(w, s, "permuted tokens", shared);
  w.enter_parallel_region(s.rows * w.hidden, Operand::expert_rows);
  w.keep("expert input", s.rows_bytes);
  sort(w, s, "sort by expert");
  w.unmake("permuted tokens", s.buffer_bytes);
  experts_ffn_forward(w, s);
  sort(w, s, "sort by rank");
  w.leave_parallel_region(s.rows * w.hidden, Operand::expert_rows);
  exchange(w, s, Operand::combine);
  permute(w, s, "unpermute");
  if (!w.plan.overlap_shared_experts) shared();
  residual_forward(w, "mlp mask");
}

void experts_backward(StepWriter& w) {
  const Sizes s(w);
  const auto shared = [&] {
    if (s.shared.width > 0) ffn_backward(w, s.shared, {});
  };
  residual_backward(w, "mlp mask");
  if (!w.plan.overlap_shared_experts) shared();
  dispatch(w, s, "permuted gradients", shared);
  w.enter_parallel_region(s.rows * w.hidden, Operand::expert_rows);
  w.make(expert_names.second_output_gradient, s.rows_bytes);
  sort(w, s, "sort gradients by expert");
  w.unmake("permuted gradients", s.buffer_bytes);
  experts_ffn_backward(w, s);
  sort(w, s, "sort gradients by rank");
  w.leave_parallel_region(s.rows * w.hidden, Operand::expert_rows);
  exchange(w, s, Operand::combine);
  permute(w, s, "unpermute gradients");
  w.unmake("expert input gradient", s.rows_bytes);
  route_backward(w, s);
  {
    const OfWeight of_weight(w);
    w.drop("mlp norm", w.stream_bytes);
  }
  add_gradients(w, "router gradients");
  if (s.shared.width > 0) add_gradients(w, "shared gradients");
  norm_backward(w, "mlp input");
}

}  // namespace rehearse
