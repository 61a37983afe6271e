// The core of attention on buffers of the caller: fused (cuDNN), or products and a softmax in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "platforms/calibrate/cuda/work.hpp"

namespace rehearse::cuda {

/// Where the elements of a (batch, heads, sequence, head_dim) tensor lie, in elements; those of a head are contiguous.
/// Every stride is a multiple of 8 elements and every tensor begins at a multiple of 16 bytes.
struct HeadStrides {
  std::int64_t batch = 0, head = 0, token = 0;
  friend bool operator==(const HeadStrides&, const HeadStrides&) = default;
};
/// A gradient lies as its tensor does.
struct AttentionLayout {
  HeadStrides q, k, v, o;
  friend bool operator==(const AttentionLayout&, const AttentionLayout&) = default;
};
/// Four dense buffers, each (batch, sequence, heads, head_dim).
AttentionLayout separate_layout(const Attention& attention);
/// Q, K and V in one buffer of batch x seq rows of (heads + 2 kv_heads) x head_dim elements: K begins heads x head_dim
/// elements after Q, V kv_heads x head_dim after K; O dense. Of seq_q = seq_kv.
AttentionLayout packed_layout(const Attention& attention);

struct AttentionInputs {
  const void *q = nullptr, *k = nullptr, *v = nullptr;
};
struct AttentionGradients {
  void *q = nullptr, *k = nullptr, *v = nullptr;
};

/// Planned once for a shape; what it works in besides the caller's buffers is taken from the arena when it is planned.
/// bf16 and fp16. The calls only enqueue, and may be captured in a CUDA graph.
class AttentionCore {
 public:
  AttentionCore() = default;
  AttentionCore(const AttentionCore&) = delete;
  AttentionCore& operator=(const AttentionCore&) = delete;
  virtual ~AttentionCore() = default;

  /// Of what forward leaves for backward: a sum of exponentials for each query (fused), or the probabilities.
  [[nodiscard]] virtual std::size_t saved_bytes() const = 0;
  virtual void forward(const AttentionInputs& in, void* o, void* saved, cudaStream_t stream) = 0;
  /// Only where it was planned: of an Attention with `backward`.
  virtual void backward(const AttentionInputs& in, const void* o, const void* grad_o, const void* saved,
                        const AttentionGradients& out, cudaStream_t stream) = 0;
};

// Forward, and of an Attention with `backward` both passes. Its `fused` is not looked at. CannotRun with the reason.
std::unique_ptr<AttentionCore> fused_attention(const Attention& attention, Precision precision,
                                               const AttentionLayout& layout, Arena& arena);
std::unique_ptr<AttentionCore> unfused_attention(const Attention& attention, Precision precision,
                                                 const AttentionLayout& layout, Arena& arena);

}  // namespace rehearse::cuda
