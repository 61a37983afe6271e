#include <algorithm>

#include "platforms/calibrate/cuda/kernels/piece.cuh"
#include "platforms/calibrate/cuda/kernels/training.hpp"

namespace rehearse::cuda {
namespace {

struct Adam {
  struct Loaded {
    uint4 weight, moment1, moment2, gradient;
  };
  AdamStep s;
  float *weight, *moment1, *moment2;
  const float* gradient;
  bf16* copy;
  __device__ Loaded load(std::int64_t i) const {
    return {load_piece(weight, i), load_piece(moment1, i), load_piece(moment2, i), load_piece(gradient, i)};
  }
  __device__ void finish(std::int64_t i, const Loaded& loaded) const {
    Wide<float> w(loaded.weight), m(loaded.moment1), v(loaded.moment2);
    const Wide<float> g(loaded.gradient);
    uint2 narrowed;
    bf16* const elements = reinterpret_cast<bf16*>(&narrowed);
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      m.at[e] = s.beta1 * m.at[e] + (1.0f - s.beta1) * g.at[e];
      v.at[e] = s.beta2 * v.at[e] + (1.0f - s.beta2) * g.at[e] * g.at[e];
      const float step = m.at[e] / s.correction1 / (sqrtf(v.at[e] / s.correction2) + s.epsilon);
      w.at[e] -= s.rate * (step + s.decay * w.at[e]);
      elements[e] = narrow<bf16>(w.at[e]);
    }
    store_piece(weight, i, w.narrowed());
    store_piece(moment1, i, m.narrowed());
    store_piece(moment2, i, v.narrowed());
    reinterpret_cast<uint2*>(copy)[i] = narrowed;
  }
};

constexpr int sum_threads = 512, sum_unroll = 4;

/// Of every gridDim.x-th stretch of the pieces, one partial sum a block.
__global__ void __launch_bounds__(sum_threads)
    squares_kernel(const float* __restrict__ x, float* __restrict__ partials, std::int64_t count) {
  __shared__ float space[32];
  constexpr int stretch = sum_threads * sum_unroll;
  float sums[sum_unroll] = {};
  for (std::int64_t begin = static_cast<std::int64_t>(blockIdx.x) * stretch; begin < count;
       begin += static_cast<std::int64_t>(gridDim.x) * stretch) {
    uint4 raw[sum_unroll];
#pragma unroll
    for (int u = 0; u < sum_unroll; ++u) {
      const std::int64_t i = begin + u * sum_threads + threadIdx.x;
      raw[u] = i < count ? load_piece(x, i) : uint4{};
    }
#pragma unroll
    for (int u = 0; u < sum_unroll; ++u) {
      const Wide<float> v(raw[u]);
      for (const float e : v.at) sums[u] += e * e;
    }
  }
  const float sum = block_reduce<sum_threads>((sums[0] + sums[1]) + (sums[2] + sums[3]), Sum{}, space);
  if (threadIdx.x == 0) partials[blockIdx.x] = sum;
}

__global__ void __launch_bounds__(sum_threads) partials_kernel(const float* partials, float* out, int count) {
  __shared__ float space[32];
  float sum = 0.0f;
  for (int i = static_cast<int>(threadIdx.x); i < count; i += sum_threads) sum += partials[i];
  sum = block_reduce<sum_threads>(sum, Sum{}, space);
  if (threadIdx.x == 0) *out = sum;
}

struct Scale {
  using Loaded = uint4;
  const float* x;
  float* y;
  float factor;
  __device__ uint4 load(std::int64_t i) const { return load_piece(x, i); }
  __device__ void finish(std::int64_t i, uint4 loaded) const {
    Wide<float> v(loaded);
#pragma unroll
    for (float& e : v.at) e *= factor;
    store_piece(y, i, v.narrowed());
  }
};

}  // namespace

void adam(const AdamStep& step, float* weight, float* moment1, float* moment2, const float* gradient, bf16* copy,
          std::int64_t count, cudaStream_t stream) {
  need_pieces(count);
  launch_each<1>(Adam{step, weight, moment1, moment2, gradient, copy}, count / 4, stream);
}

std::size_t square_partials(std::int64_t count) {
  const int multiprocessors = device_attribute(cudaDevAttrMultiProcessorCount);
  // As many blocks as are there at once, or fewer.
  return static_cast<std::size_t>(
      std::min<std::int64_t>(ceil_div(count / 4, sum_threads * sum_unroll), 4 * multiprocessors));
}

void sum_of_squares(const float* x, float* out, float* partials, std::int64_t count, cudaStream_t stream) {
  need_pieces(count);
  const std::size_t blocks = square_partials(count);
  enqueue(squares_kernel, static_cast<unsigned>(blocks), sum_threads, stream, x, partials, count / 4);
  enqueue(partials_kernel, 1, sum_threads, stream, partials, out, static_cast<int>(blocks));
}

void scale(const float* x, float* y, float factor, std::int64_t count, cudaStream_t stream) {
  need_pieces(count);
  launch_each<4>(Scale{x, y, factor}, count / 4, stream);
}

}  // namespace rehearse::cuda
