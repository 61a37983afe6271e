#include "platforms/calibrate/cuda/kernels/layer.hpp"
#include "platforms/calibrate/cuda/kernels/piece.cuh"

namespace rehearse::cuda {
namespace {

constexpr int heads_a_thread = 4;          // share their sines and cosines
constexpr float log2_base = 13.28771238f;  // of 10,000
constexpr float inverse_pi = 0.318309886f;

struct Turn {
  bf16* x;
  std::uint32_t heads, head_dim, seq;
  std::int64_t stride;
  float sign;
};

/// A thread turns 8 elements of the first half of a head with 8 of the second, in up to four heads of a row.
__global__ void __launch_bounds__(256) rotary_kernel(Turn t, std::int64_t count) {
  const std::int64_t item = static_cast<std::int64_t>(blockIdx.x) * 256 + threadIdx.x;
  if (item >= count) return;
  const std::uint32_t half_pieces = t.head_dim / 16, groups = (t.heads + heads_a_thread - 1) / heads_a_thread;
  const auto flat = static_cast<std::uint32_t>(item);
  const std::uint32_t piece = flat % half_pieces, group = flat / half_pieces % groups;
  const std::uint32_t row = flat / half_pieces / groups;
  bf16* const base = t.x + row * t.stride + static_cast<std::int64_t>(group) * heads_a_thread * t.head_dim;
  const int heads = min(heads_a_thread, static_cast<int>(t.heads - group * heads_a_thread));

  uint4 first[heads_a_thread], second[heads_a_thread];
#pragma unroll
  for (int h = 0; h < heads_a_thread; ++h)
    if (h < heads) {
      first[h] = load_piece(base + h * t.head_dim, piece);
      second[h] = load_piece(base + h * t.head_dim, piece + half_pieces);
    }
  float sine[8], cosine[8];
  const auto position = static_cast<float>(row % t.seq);
#pragma unroll
  for (int e = 0; e < 8; ++e) {
    const float pair = static_cast<float>(piece * 8 + e);
    const float angle = position * exp2f(-log2_base * 2.0f * pair / static_cast<float>(t.head_dim));
    sincospif(angle * inverse_pi, &sine[e], &cosine[e]);  // of any angle without the long way of sincosf
    sine[e] *= t.sign;
  }
#pragma unroll
  for (int h = 0; h < heads_a_thread; ++h)
    if (h < heads) {
      Wide<bf16> a(first[h]), b(second[h]);
#pragma unroll
      for (int e = 0; e < 8; ++e) {
        const float turned = a.at[e] * cosine[e] - b.at[e] * sine[e];
        b.at[e] = b.at[e] * cosine[e] + a.at[e] * sine[e];
        a.at[e] = turned;
      }
      store_piece(base + h * t.head_dim, piece, a.narrowed());
      store_piece(base + h * t.head_dim, piece + half_pieces, b.narrowed());
    }
}

}  // namespace

void rotary(bf16* x, std::int64_t rows, std::int64_t heads, std::int64_t head_dim, std::int64_t stride,
            std::int64_t seq, float sign, cudaStream_t stream) {
  need(head_dim % 16 == 0 && stride % 8 == 0, "rotary positions need heads of a multiple of 16 elements");
  const std::int64_t count = rows * ceil_div(heads, heads_a_thread) * (head_dim / 16);
  need(count < (std::int64_t{1} << 32), "too many elements");
  const Turn turn{x,
                  static_cast<std::uint32_t>(heads),
                  static_cast<std::uint32_t>(head_dim),
                  static_cast<std::uint32_t>(seq),
                  stride,
                  sign};
  enqueue(rotary_kernel, grid_of(ceil_div(count, 256)), 256, stream, turn, count);
}

}  // namespace rehearse::cuda
