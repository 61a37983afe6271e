#include "platforms/calibrate/cuda/kernels/piece.cuh"
#include "platforms/calibrate/cuda/kernels/training.hpp"

namespace rehearse::cuda {
namespace {

constexpr float kept_factor = static_cast<float>(1.0 / (1.0 - dropout));
constexpr auto drop_below = static_cast<std::uint32_t>(dropout * 65536.0 + 0.5);

/// Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC'11).
__device__ uint4 philox(std::uint64_t counter, std::uint64_t seed) {
  uint4 c{static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(counter >> 32), 0U, 0U};
  std::uint32_t k0 = static_cast<std::uint32_t>(seed), k1 = static_cast<std::uint32_t>(seed >> 32);
#pragma unroll
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = static_cast<std::uint64_t>(0xd2511f53U) * c.x;
    const std::uint64_t b = static_cast<std::uint64_t>(0xcd9e8d57U) * c.z;
    c = uint4{static_cast<std::uint32_t>(b >> 32) ^ c.y ^ k0, static_cast<std::uint32_t>(b),
              static_cast<std::uint32_t>(a >> 32) ^ c.w ^ k1, static_cast<std::uint32_t>(a)};
    k0 += 0x9e3779b9U;
    k1 += 0xbb67ae85U;
  }
  return c;
}

struct Forward {
  struct Loaded {
    uint4 x, residual;
  };
  const bf16 *x, *residual;
  bf16* y;
  std::uint8_t* mask;
  std::uint64_t seed;
  __device__ Loaded load(std::int64_t i) const { return {load_piece(x, i), load_piece(residual, i)}; }
  __device__ void finish(std::int64_t i, const Loaded& loaded) const {
    const Wide<bf16> v(loaded.x);
    Wide<bf16> out(loaded.residual);
    const uint4 bits = philox(static_cast<std::uint64_t>(i), seed);  // 16 for each element
    const std::uint32_t words[4] = {bits.x, bits.y, bits.z, bits.w};
    std::uint32_t kept[2] = {0U, 0U};
#pragma unroll
    for (int e = 0; e < 8; ++e) {
      const bool keep = ((words[e / 2] >> (16 * (e % 2))) & 0xffffU) >= drop_below;
      if (keep) {
        out.at[e] += v.at[e] * kept_factor;
        kept[e / 4] |= 1U << (8 * (e % 4));
      }
    }
    store_piece(y, i, out.narrowed());
    reinterpret_cast<uint2*>(mask)[i] = uint2{kept[0], kept[1]};
  }
};

struct Backward {
  struct Loaded {
    uint4 dy;
    uint2 mask;
  };
  const bf16* dy;
  const std::uint8_t* mask;
  bf16* dx;
  __device__ Loaded load(std::int64_t i) const { return {load_piece(dy, i), reinterpret_cast<const uint2*>(mask)[i]}; }
  __device__ void finish(std::int64_t i, const Loaded& loaded) const {
    Wide<bf16> out(loaded.dy);
    const std::uint32_t kept[2] = {loaded.mask.x, loaded.mask.y};
#pragma unroll
    for (int e = 0; e < 8; ++e)
      out.at[e] = ((kept[e / 4] >> (8 * (e % 4))) & 1U) != 0U ? out.at[e] * kept_factor : 0.0f;
    store_piece(dx, i, out.narrowed());
  }
};

}  // namespace

void dropout_add_forward(const bf16* x, const bf16* residual, bf16* y, std::uint8_t* mask, std::int64_t count,
                         std::uint64_t seed, cudaStream_t stream) {
  need_pieces(count);
  launch_each<2>(Forward{x, residual, y, mask, seed}, count / 8, stream);
}

void dropout_add_backward(const bf16* dy, const std::uint8_t* mask, bf16* dx, std::int64_t count, cudaStream_t stream) {
  need_pieces(count);
  launch_each<2>(Backward{dy, mask, dx}, count / 8, stream);
}

}  // namespace rehearse::cuda
