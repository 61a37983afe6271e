#include "platforms/calibrate/cuda/layer.hpp"

#include <memory>
#include <utility>
#include <vector>

#include "platforms/calibrate/cuda/attention.hpp"
#include "platforms/calibrate/cuda/gemm_plan.hpp"
#include "platforms/calibrate/cuda/kernels/layer.hpp"

namespace rehearse::cuda {
namespace {

constexpr std::size_t most_layers = 4;

struct Sizes {
  explicit Sizes(const LayerShape& s)
      : tokens(s.seq * s.micro_batch),
        hidden(s.hidden),
        head_dim(s.hidden / s.heads),
        rotated_heads(s.heads + s.kv_heads),
        qkv((s.heads + 2 * s.kv_heads) * head_dim),
        ffn(s.ffn),
        ffn_in(s.llama ? 2 * s.ffn : s.ffn),
        keys_at(s.hidden),
        values_at(s.hidden + s.kv_heads * head_dim) {}
  std::int64_t tokens, hidden, head_dim, rotated_heads, qkv, ffn, ffn_in;
  std::int64_t keys_at, values_at;  ///< elements into a row of Q, K and V
};

Attention attention_of(const LayerShape& s) {
  return {.batch = s.micro_batch,
          .heads = s.heads,
          .kv_heads = s.kv_heads,
          .seq_q = s.seq,
          .seq_kv = s.seq,
          .head_dim = s.hidden / s.heads,
          .causal = true,
          .backward = true,
          .fused = true};
}

bf16* take(Arena& arena, std::int64_t rows, std::int64_t width) {
  return arena.take<bf16>(static_cast<std::size_t>(rows * width));
}

/// W (out x in) and its gradient.
struct Weight {
  bf16 *value, *gradient;
};
Weight take_weight(Arena& arena, std::int64_t out, std::int64_t in, std::uint64_t seed) {
  const Weight weight{take(arena, out, in), take(arena, out, in)};
  fill_normal(weight.value, static_cast<std::size_t>(out * in), Precision::bf16, 0.02, seed);
  return weight;
}

struct Norm {
  bf16 *gamma, *beta, *gamma_gradient, *beta_gradient;
  float *mean, *rstd;
};
Norm take_norm(Arena& arena, const Sizes& z, std::uint64_t seed) {
  const auto rows = static_cast<std::size_t>(z.tokens), width = static_cast<std::size_t>(z.hidden);
  const Norm norm{take(arena, 1, z.hidden), take(arena, 1, z.hidden), take(arena, 1, z.hidden),
                  take(arena, 1, z.hidden), arena.take<float>(rows),  arena.take<float>(rows)};
  fill_normal(norm.gamma, width, Precision::bf16, 1.0, seed);
  fill_normal(norm.beta, width, Precision::bf16, 0.1, seed + 1);
  return norm;
}

/// Y = X W^T for rows of X (tokens x in), and both gradients: dX = dY W, dW = dY^T X.
class Linear {
 public:
  Linear(std::int64_t tokens, std::int64_t in, std::int64_t out)
      : forward_(gemm_plan({1, tokens, out, in, Layout::tn}, Precision::bf16)),
        of_input_(gemm_plan({1, tokens, in, out, Layout::nn}, Precision::bf16)),
        of_weight_(gemm_plan({1, out, in, tokens, Layout::nt}, Precision::bf16)) {}
  void forward(const bf16* x, const Weight& w, bf16* y, cudaStream_t stream) const {
    forward_.run(stream, x, w.value, y);
  }
  void backward(const bf16* dy, const bf16* x, const Weight& w, bf16* dx, cudaStream_t stream) const {
    of_input_.run(stream, dy, w.value, dx);
    of_weight_.run(stream, dy, x, w.gradient);
  }

 private:
  Product forward_, of_input_, of_weight_;
};

/// What a layer has for itself: its weights, and what its forward pass leaves for its backward pass.
struct Layer {
  Norm attention_norm, ffn_norm;
  Weight qkv_weight, projection, up, down;
  bf16 *attention_in, *qkv, *context, *middle, *ffn_in, *raised, *activated, *out;
  void* saved;  ///< by attention
};

/// Layers one after another; what only one kernel after the next needs is shared between them.
class Stack {
 public:
  Stack(const LayerShape& shape, Arena& arena);

  [[nodiscard]] std::size_t size() const { return layers_.size(); }
  void forward(cudaStream_t stream) const {
    for (std::size_t i = 0; i < layers_.size(); ++i) forward(layers_[i], i == 0 ? in_ : layers_[i - 1].out, stream);
  }
  /// Needs one forward pass before.
  void backward(cudaStream_t stream) const {
    for (std::size_t i = layers_.size(); i-- > 0;)
      backward(layers_[i], i == 0 ? in_ : layers_[i - 1].out, i + 1 == layers_.size() ? top_gradient_ : passed_[i % 2],
               passed_[(i + 1) % 2], stream);
  }

 private:
  Layer take_layer(Arena& arena) const;
  void forward(const Layer& l, const bf16* x, cudaStream_t stream) const;
  void backward(const Layer& l, const bf16* x, const bf16* dy, bf16* dx, cudaStream_t stream) const;
  void norm_forward_of(const Norm& n, const bf16* x, bf16* y, cudaStream_t stream) const {
    norm_forward(kind_, x, n.gamma, n.beta, y, n.mean, n.rstd, z_.tokens, z_.hidden, stream);
  }
  void norm_backward_of(const Norm& n, const bf16* dy, const bf16* x, const bf16* residual, bf16* dx,
                        cudaStream_t stream) const {
    norm_backward(kind_, dy, x, n.gamma, n.mean, n.rstd, residual, dx, n.gamma_gradient, n.beta_gradient, partials_,
                  z_.tokens, z_.hidden, stream);
  }
  void rotate(bf16* qkv, float sign, cudaStream_t stream) const {
    if (shape_.llama) rotary(qkv, z_.tokens, z_.rotated_heads, z_.head_dim, z_.qkv, shape_.seq, sign, stream);
  }
  [[nodiscard]] AttentionInputs inputs(const bf16* qkv) const { return {qkv, qkv + z_.keys_at, qkv + z_.values_at}; }

  LayerShape shape_;
  Sizes z_;
  NormKind kind_;
  Linear qkv_, projection_, up_, down_;
  std::unique_ptr<AttentionCore> attention_;
  bf16 *in_, *top_gradient_;
  bf16* branch_;  ///< what a block adds to the residual; backward, the gradient of a norm's output
  bf16 *middle_gradient_, *context_gradient_, *qkv_gradient_, *raised_gradient_, *activated_gradient_;
  bf16* passed_[2];  ///< the gradient between two layers
  float* partials_;
  std::vector<Layer> layers_;
};

Stack::Stack(const LayerShape& shape, Arena& arena)
    : shape_(shape),
      z_(shape),
      kind_(shape.llama ? NormKind::rms : NormKind::layer),
      qkv_(z_.tokens, z_.hidden, z_.qkv),
      projection_(z_.tokens, z_.hidden, z_.hidden),
      up_(z_.tokens, z_.hidden, z_.ffn_in),
      down_(z_.tokens, z_.ffn, z_.hidden) {
  const Attention attention = attention_of(shape);
  attention_ = fused_attention(attention, shape.precision, packed_layout(attention), arena);
  for (bf16** buffer :
       {&in_, &top_gradient_, &branch_, &middle_gradient_, &context_gradient_, &passed_[0], &passed_[1]})
    *buffer = take(arena, z_.tokens, z_.hidden);
  qkv_gradient_ = take(arena, z_.tokens, z_.qkv);
  raised_gradient_ = take(arena, z_.tokens, z_.ffn_in);
  activated_gradient_ = take(arena, z_.tokens, z_.ffn);
  partials_ = arena.take<float>(norm_partials(z_.tokens, z_.hidden));
  const auto elements = static_cast<std::size_t>(z_.tokens * z_.hidden);
  fill_normal(in_, elements, Precision::bf16, 1.0, 1);
  fill_normal(top_gradient_, elements, Precision::bf16, 1.0, 2);
  std::size_t bytes = 0;  // of a layer
  while (layers_.size() < most_layers && arena.left() >= bytes) {
    const std::size_t before = arena.left();
    layers_.push_back(take_layer(arena));
    bytes = before - arena.left();
  }
}

Layer Stack::take_layer(Arena& arena) const {
  const std::uint64_t seed = 10 * (layers_.size() + 1);
  Layer l{};
  l.attention_norm = take_norm(arena, z_, seed);
  l.ffn_norm = take_norm(arena, z_, seed + 2);
  l.qkv_weight = take_weight(arena, z_.qkv, z_.hidden, seed + 4);
  l.projection = take_weight(arena, z_.hidden, z_.hidden, seed + 5);
  l.up = take_weight(arena, z_.ffn_in, z_.hidden, seed + 6);
  l.down = take_weight(arena, z_.hidden, z_.ffn, seed + 7);
  for (bf16** buffer : {&l.attention_in, &l.context, &l.middle, &l.ffn_in, &l.out})
    *buffer = take(arena, z_.tokens, z_.hidden);
  l.qkv = take(arena, z_.tokens, z_.qkv);
  l.raised = take(arena, z_.tokens, z_.ffn_in);
  l.activated = take(arena, z_.tokens, z_.ffn);
  l.saved = arena.take_bytes(attention_->saved_bytes());
  return l;
}

void Stack::forward(const Layer& l, const bf16* x, cudaStream_t stream) const {
  norm_forward_of(l.attention_norm, x, l.attention_in, stream);
  qkv_.forward(l.attention_in, l.qkv_weight, l.qkv, stream);
  rotate(l.qkv, 1.0f, stream);
  attention_->forward(inputs(l.qkv), l.context, l.saved, stream);
  projection_.forward(l.context, l.projection, branch_, stream);
  add(x, branch_, l.middle, z_.tokens * z_.hidden, stream);

  norm_forward_of(l.ffn_norm, l.middle, l.ffn_in, stream);
  up_.forward(l.ffn_in, l.up, l.raised, stream);
  if (shape_.llama)
    swiglu_forward(l.raised, l.activated, z_.tokens, z_.ffn, stream);
  else
    gelu_forward(l.raised, l.activated, z_.tokens * z_.ffn, stream);
  down_.forward(l.activated, l.down, branch_, stream);
  add(l.middle, branch_, l.out, z_.tokens * z_.hidden, stream);
}

/// In the reverse order. The gradient of a sum goes to both of its terms as it is: to the residual's it is added by the
/// norm's backward kernel.
void Stack::backward(const Layer& l, const bf16* x, const bf16* dy, bf16* dx, cudaStream_t stream) const {
  down_.backward(dy, l.activated, l.down, activated_gradient_, stream);
  if (shape_.llama)
    swiglu_backward(l.raised, activated_gradient_, raised_gradient_, z_.tokens, z_.ffn, stream);
  else
    gelu_backward(l.raised, activated_gradient_, raised_gradient_, z_.tokens * z_.ffn, stream);
  up_.backward(raised_gradient_, l.ffn_in, l.up, branch_, stream);
  norm_backward_of(l.ffn_norm, branch_, l.middle, dy, middle_gradient_, stream);

  projection_.backward(middle_gradient_, l.context, l.projection, context_gradient_, stream);
  const AttentionGradients gradients{qkv_gradient_, qkv_gradient_ + z_.keys_at, qkv_gradient_ + z_.values_at};
  attention_->backward(inputs(l.qkv), l.context, context_gradient_, l.saved, gradients, stream);
  rotate(qkv_gradient_, -1.0f, stream);
  qkv_.backward(qkv_gradient_, l.attention_in, l.qkv_weight, branch_, stream);
  norm_backward_of(l.attention_norm, branch_, x, middle_gradient_, dx, stream);
}

/// One pass through all layers, from a graph where that works; of its time, one layer's share.
Sample time_pass(const Enqueue& pass, std::size_t layers, Seconds enough, Timer& timer) {
  Graph graph;
  Work work;
  work.graph = false;  // it is a graph already, or cannot be one
  if (graph.capture(timer.stream(), pass))
    work.launch = [&](cudaStream_t stream, int) { graph.launch(stream); };
  else
    work.launch = [&](cudaStream_t stream, int) { pass(stream); };
  Sample sample = timer.time(work, enough);
  sample.time = sample.time / static_cast<double>(layers);
  sample.repeats *= static_cast<std::int64_t>(layers);
  return sample;
}

}  // namespace

LayerSample time_layer(const LayerShape& shape, Seconds enough, Arena& arena, Timer& timer) {
  if (shape.precision != Precision::bf16) throw CannotRun("layers are timed in bf16 only");
  const Stack stack(shape, arena);
  const Enqueue forward = [&](cudaStream_t stream) { stack.forward(stream); };
  const Enqueue backward = [&](cudaStream_t stream) { stack.backward(stream); };
  for (const Enqueue* pass : {&forward, &backward}) (*pass)(timer.stream());
  REHEARSE_CUDA(cudaStreamSynchronize(timer.stream()));
  const Sample forward_sample = time_pass(forward, stack.size(), enough, timer);
  return {forward_sample, time_pass(backward, stack.size(), enough, timer)};
}

}  // namespace rehearse::cuda
