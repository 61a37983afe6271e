// Unfused attention: products by cuBLASLt with the scores in memory, and the masked softmax between them.
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>

#include "platforms/calibrate/cuda/attention.hpp"
#include "platforms/calibrate/cuda/kernels/softmax.hpp"
#include "platforms/calibrate/cuda/product.hpp"

namespace rehearse::cuda {
namespace {

/// One launch of each product covers one query head of each group; all batch entries too, where they lie evenly.
class UnfusedAttention : public AttentionCore {
 public:
  UnfusedAttention(const Attention& attention, Precision precision, const AttentionLayout& layout, Arena& arena);

  [[nodiscard]] std::size_t saved_bytes() const override { return score_bytes(); }
  void forward(const AttentionInputs& in, void* o, void* saved, cudaStream_t stream) override;
  void backward(const AttentionInputs& in, const void* o, const void* grad_o, const void* saved,
                const AttentionGradients& out, cudaStream_t stream) override;

 private:
  /// Offsets of a launch's first matrices, in elements.
  struct Place {
    std::int64_t q = 0, k = 0, v = 0, o = 0, scores = 0;
    bool add = false;  ///< to the gradients of K and V
  };
  void plan_products();
  template <class Visit>
  void each_place(const Visit& visit) const;
  [[nodiscard]] std::int64_t elements() const { return shape_.batch * shape_.heads * shape_.seq_q * shape_.seq_kv; }
  [[nodiscard]] std::size_t score_bytes() const { return static_cast<std::size_t>(elements()) * 2; }
  [[nodiscard]] std::int64_t group() const { return shape_.heads / shape_.kv_heads; }
  [[nodiscard]] float scale() const {
    return static_cast<float>(1.0 / std::sqrt(static_cast<double>(shape_.head_dim)));
  }
  template <class T>
  void softmax(void* probabilities, cudaStream_t stream) const;
  template <class T>
  void softmax_gradient(const void* probabilities, cudaStream_t stream) const;

  Attention shape_;
  Precision precision_;
  AttentionLayout at_;
  bool even_ = false;  ///< the heads of all batch entries lie at one stride
  std::optional<Product> scores_, context_, grad_p_, grad_v_, grad_q_, grad_k_;
  void* scratch_ = nullptr;
};

// All elements take two bytes here.
const void* moved(const void* base, std::int64_t elements) { return static_cast<const char*>(base) + 2 * elements; }
void* moved(void* base, std::int64_t elements) { return static_cast<char*>(base) + 2 * elements; }

UnfusedAttention::UnfusedAttention(const Attention& attention, Precision precision, const AttentionLayout& layout,
                                   Arena& arena)
    : shape_(attention), precision_(precision), at_(layout) {
  if (precision != Precision::bf16 && precision != Precision::fp16)
    throw CannotRun("unfused attention is timed in bf16 and fp16 only");
  const auto even = [](const HeadStrides& strides, std::int64_t heads) {
    return strides.batch == heads * strides.head;
  };
  even_ = shape_.batch == 1 || (even(at_.q, shape_.heads) && even(at_.o, shape_.heads) &&
                                even(at_.k, shape_.kv_heads) && even(at_.v, shape_.kv_heads));
  plan_products();
  scratch_ = arena.take_bytes(score_bytes());
}

void UnfusedAttention::plan_products() {
  const auto [batch, heads, kv_heads, seq_q, seq_kv, head_dim, causal, backward, fused, value_dim] = shape_;
  ProductType type;
  type.operands = type.result = precision_ == Precision::bf16 ? CUDA_R_16BF : CUDA_R_16F;
  const std::int64_t count = (even_ ? batch : 1) * kv_heads;
  type.alignment = seq_q * seq_kv % 8 == 0 ? 16 : 2;
  const Operand q{seq_q, head_dim, at_.q.token, group() * at_.q.head};
  const Operand o{seq_q, head_dim, at_.o.token, group() * at_.o.head};
  const Operand k{seq_kv, head_dim, at_.k.token, at_.k.head};
  const Operand v{seq_kv, head_dim, at_.v.token, at_.v.head};
  const Operand scores{seq_q, seq_kv, seq_kv, group() * seq_q * seq_kv};
  const auto transposed = [](Operand operand) {
    operand.transposed = true;
    return operand;
  };
  scores_.emplace(type, count, q, transposed(k), scores);
  context_.emplace(type, count, scores, v, o);
  if (!backward) return;
  grad_p_.emplace(type, count, o, transposed(v), scores);
  grad_v_.emplace(type, count, transposed(scores), o, v);
  grad_q_.emplace(type, count, scores, k, q);
  grad_k_.emplace(type, count, transposed(scores), q, k);
}

template <class Visit>
void UnfusedAttention::each_place(const Visit& visit) const {
  const std::int64_t matrix = shape_.seq_q * shape_.seq_kv;
  for (std::int64_t b = 0; b < (even_ ? 1 : shape_.batch); ++b)
    for (std::int64_t g = 0; g < group(); ++g)
      visit(Place{b * at_.q.batch + g * at_.q.head, b * at_.k.batch, b * at_.v.batch, b * at_.o.batch + g * at_.o.head,
                  (b * shape_.heads + g) * matrix, g > 0});
}

template <class T>
void UnfusedAttention::softmax(void* probabilities, cudaStream_t stream) const {
  softmax_forward(static_cast<const T*>(scratch_), static_cast<T*>(probabilities), elements() / shape_.seq_kv,
                  shape_.seq_kv, shape_.causal, shape_.seq_q, scale(), stream);
}

template <class T>
void UnfusedAttention::softmax_gradient(const void* probabilities, cudaStream_t stream) const {
  softmax_backward(static_cast<const T*>(probabilities), static_cast<const T*>(scratch_), static_cast<T*>(scratch_),
                   elements() / shape_.seq_kv, shape_.seq_kv, scale(), stream);
}

void UnfusedAttention::forward(const AttentionInputs& in, void* o, void* saved, cudaStream_t stream) {
  each_place(
      [&](const Place& at) { scores_->run(stream, moved(in.q, at.q), moved(in.k, at.k), moved(scratch_, at.scores)); });
  precision_ == Precision::bf16 ? softmax<__nv_bfloat16>(saved, stream) : softmax<__half>(saved, stream);
  each_place(
      [&](const Place& at) { context_->run(stream, moved(saved, at.scores), moved(in.v, at.v), moved(o, at.o)); });
}

void UnfusedAttention::backward(const AttentionInputs& in, const void*, const void* grad_o, const void* saved,
                                const AttentionGradients& out, cudaStream_t stream) {
  each_place([&](const Place& at) {
    const void* const rows = moved(grad_o, at.o);
    grad_p_->run(stream, rows, moved(in.v, at.v), moved(scratch_, at.scores));
    grad_v_->run(stream, moved(saved, at.scores), rows, moved(out.v, at.v), at.add);
  });
  precision_ == Precision::bf16 ? softmax_gradient<__nv_bfloat16>(saved, stream)
                                : softmax_gradient<__half>(saved, stream);
  each_place([&](const Place& at) {
    const void* const grad_scores = moved(scratch_, at.scores);
    grad_q_->run(stream, grad_scores, moved(in.k, at.k), moved(out.q, at.q));
    grad_k_->run(stream, grad_scores, moved(in.q, at.q), moved(out.k, at.k), at.add);
  });
}

}  // namespace

std::unique_ptr<AttentionCore> unfused_attention(const Attention& attention, Precision precision,
                                                 const AttentionLayout& layout, Arena& arena) {
  return std::make_unique<UnfusedAttention>(attention, precision, layout, arena);
}

}  // namespace rehearse::cuda
