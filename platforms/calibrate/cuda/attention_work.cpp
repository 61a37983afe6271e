#include "platforms/calibrate/cuda/attention.hpp"

#include <vector>

#include "platforms/calibrate/cuda/work.hpp"

namespace rehearse::cuda {
namespace {

/// (sequence, batch, heads, head_dim): as training code has it that runs unfused attention (Megatron-LM), so that one
/// launch of a product covers the heads of all batch entries.
AttentionLayout sequence_first_layout(const Attention& a) {
  const auto strides = [&](std::int64_t heads) {
    return HeadStrides{heads * a.head_dim, a.head_dim, a.batch * heads * a.head_dim};
  };
  return {strides(a.heads), strides(a.kv_heads), strides(a.kv_heads), strides(a.heads)};
}

constexpr std::size_t element = 2;  // bytes, of bf16 and fp16

struct Buffers {
  AttentionInputs in;
  AttentionGradients gradients;
  void *o = nullptr, *grad_o = nullptr, *saved = nullptr;
};

std::size_t count_of_q(const Attention& a) {
  return static_cast<std::size_t>(a.batch * a.seq_q * a.heads * a.head_dim);
}
std::size_t count_of_k(const Attention& a) {
  return static_cast<std::size_t>(a.batch * a.seq_kv * a.kv_heads * a.head_dim);
}
std::size_t bytes_of_set(const Attention& a, std::size_t saved) {
  const std::size_t forward = (2 * count_of_q(a) + 2 * count_of_k(a)) * element;
  return saved + (a.backward ? 2 * forward : forward);
}

Buffers take_set(const Attention& a, Precision precision, std::size_t saved, std::uint64_t seed, Arena& arena) {
  const auto random = [&](std::size_t count) {
    void* const made = arena.take_bytes(count * element);
    fill_normal(made, count, precision, 1.0, seed++);
    return made;
  };
  Buffers made;
  made.in = {random(count_of_q(a)), random(count_of_k(a)), random(count_of_k(a))};
  made.o = arena.take_bytes(count_of_q(a) * element);
  made.saved = arena.take_bytes(saved);
  if (!a.backward) return made;
  made.grad_o = random(count_of_q(a));
  made.gradients = {arena.take_bytes(count_of_q(a) * element), arena.take_bytes(count_of_k(a) * element),
                    arena.take_bytes(count_of_k(a) * element)};
  return made;
}

}  // namespace

AttentionLayout separate_layout(const Attention& a) {
  const auto strides = [&](std::int64_t seq, std::int64_t heads) {
    return HeadStrides{seq * heads * a.head_dim, a.head_dim, heads * a.head_dim};
  };
  return {strides(a.seq_q, a.heads), strides(a.seq_kv, a.kv_heads), strides(a.seq_kv, a.kv_heads),
          strides(a.seq_q, a.heads)};
}

AttentionLayout packed_layout(const Attention& a) {
  AttentionLayout layout = separate_layout(a);
  const std::int64_t row = (a.heads + 2 * a.kv_heads) * a.head_dim;
  layout.q = layout.k = layout.v = {a.seq_q * row, a.head_dim, row};
  return layout;
}

Work attention_work(const Attention& attention, Precision precision, Arena& arena) {
  const std::shared_ptr<AttentionCore> core =
      attention.fused ? fused_attention(attention, precision, separate_layout(attention), arena)
                      : unfused_attention(attention, precision, sequence_first_layout(attention), arena);
  Work work;
  work.sets = arena.sets_of(bytes_of_set(attention, core->saved_bytes()));
  std::vector<Buffers> sets;
  for (int i = 0; i < work.sets; ++i) {
    sets.push_back(take_set(attention, precision, core->saved_bytes(), 100 + 4 * static_cast<std::uint64_t>(i), arena));
    if (attention.backward) core->forward(sets.back().in, sets.back().o, sets.back().saved, nullptr);
  }
  REHEARSE_CUDA(cudaDeviceSynchronize());
  work.launch = [core, sets, backward = attention.backward](cudaStream_t stream, int set) {
    const Buffers& on = sets[static_cast<std::size_t>(set)];
    if (backward)
      core->backward(on.in, on.o, on.grad_o, on.saved, on.gradients, stream);
    else
      core->forward(on.in, on.o, on.saved, stream);
  };
  return work;
}

}  // namespace rehearse::cuda
