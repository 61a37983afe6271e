#include "platforms/calibrate/cuda/kernels/softmax.hpp"

#include <cmath>

#include "platforms/calibrate/cuda/kernels/piece.cuh"

namespace rehearse::cuda {
namespace {

/// How many keys the query of a row sees.
__device__ std::int64_t keys_of(std::int64_t row, std::int64_t width, bool causal, std::int64_t seq_q) {
  if (!causal) return width;
  const std::int64_t seen = row % seq_q + width - seq_q + 1;
  return seen < 0 ? 0 : seen;
}

/// A block for each row, which stays in registers.
template <class T, int threads, int pieces>
__global__ void __launch_bounds__(threads) forward_kernel(const T* __restrict__ scores, T* __restrict__ out, int width,
                                                          bool causal, std::int64_t seq_q, float scale) {
  __shared__ float max_space[32], sum_space[32];
  constexpr int n = per_piece<T>;
  const std::int64_t row = blockIdx.x, begin = row * width;
  const int count = width / n, keys = static_cast<int>(keys_of(row, width, causal, seq_q));
  uint4 raw[pieces];
#pragma unroll
  for (int p = 0; p < pieces; ++p) {
    const int i = static_cast<int>(threadIdx.x) + p * threads;
    if (i < count) raw[p] = load_piece(scores + begin, i);
  }
  Wide<T> v[pieces];
  float most = -INFINITY;
#pragma unroll
  for (int p = 0; p < pieces; ++p) {
    const int first = (static_cast<int>(threadIdx.x) + p * threads) * n;
    v[p] = Wide<T>(raw[p]);
#pragma unroll
    for (int e = 0; e < n; ++e) {
      v[p].at[e] = first + e < keys ? v[p].at[e] * scale : -INFINITY;
      most = fmaxf(most, v[p].at[e]);
    }
  }
  most = block_reduce<threads>(most, Max{}, max_space);
  if (keys == 0) most = 0.0f;
  float sum = 0.0f;
#pragma unroll
  for (int p = 0; p < pieces; ++p)
#pragma unroll
    for (float& e : v[p].at) {
      e = __expf(e - most);
      sum += e;
    }
  sum = block_reduce<threads>(sum, Sum{}, sum_space);
  const float share = keys == 0 ? 0.0f : 1.0f / sum;
#pragma unroll
  for (int p = 0; p < pieces; ++p) {
    const int i = static_cast<int>(threadIdx.x) + p * threads;
    if (i >= count) continue;
#pragma unroll
    for (float& e : v[p].at) e *= share;
    store_piece(out + begin, i, v[p].narrowed());
  }
}

/// No __restrict__: `out` may be `gradients`. Each thread reads before the barrier what it writes after it.
template <class T, int threads, int pieces>
__global__ void __launch_bounds__(threads)
    backward_kernel(const T* probabilities, const T* gradients, T* out, int width, float scale) {
  __shared__ float space[32];
  const std::int64_t begin = static_cast<std::int64_t>(blockIdx.x) * width;
  const int count = width / per_piece<T>;
  uint4 p_raw[pieces], d_raw[pieces];
#pragma unroll
  for (int p = 0; p < pieces; ++p) {
    const int i = static_cast<int>(threadIdx.x) + p * threads;
    p_raw[p] = i < count ? load_piece(probabilities + begin, i) : uint4{};
    d_raw[p] = i < count ? load_piece(gradients + begin, i) : uint4{};
  }
  float dot = 0.0f;
#pragma unroll
  for (int p = 0; p < pieces; ++p) {
    const Wide<T> probability(p_raw[p]), gradient(d_raw[p]);
#pragma unroll
    for (int e = 0; e < per_piece<T>; ++e) dot += probability.at[e] * gradient.at[e];
  }
  dot = block_reduce<threads>(dot, Sum{}, space);
#pragma unroll
  for (int p = 0; p < pieces; ++p) {
    const int i = static_cast<int>(threadIdx.x) + p * threads;
    if (i >= count) continue;
    const Wide<T> probability(p_raw[p]);
    Wide<T> gradient(d_raw[p]);
#pragma unroll
    for (int e = 0; e < per_piece<T>; ++e) gradient.at[e] = scale * probability.at[e] * (gradient.at[e] - dot);
    store_piece(out + begin, i, gradient.narrowed());
  }
}

constexpr int loop_threads = 512;

/// Rows of any width, an element at a time, read again for each step.
template <class T>
__global__ void __launch_bounds__(loop_threads)
    forward_loop(const T* __restrict__ scores, T* __restrict__ out, std::int64_t width, bool causal, std::int64_t seq_q,
                 float scale) {
  __shared__ float max_space[32], sum_space[32];
  const std::int64_t row = blockIdx.x, keys = keys_of(row, width, causal, seq_q);
  scores += row * width;
  out += row * width;
  float most = -INFINITY;
  for (std::int64_t i = threadIdx.x; i < keys; i += loop_threads)
    most = fmaxf(most, static_cast<float>(scores[i]) * scale);
  most = block_reduce<loop_threads>(most, Max{}, max_space);
  float sum = 0.0f;
  for (std::int64_t i = threadIdx.x; i < keys; i += loop_threads)
    sum += __expf(static_cast<float>(scores[i]) * scale - most);
  sum = block_reduce<loop_threads>(sum, Sum{}, sum_space);
  const float share = 1.0f / sum;
  for (std::int64_t i = threadIdx.x; i < width; i += loop_threads)
    out[i] = narrow<T>(i < keys ? __expf(static_cast<float>(scores[i]) * scale - most) * share : 0.0f);
}

template <class T>
__global__ void __launch_bounds__(loop_threads)
    backward_loop(const T* probabilities, const T* gradients, T* out, std::int64_t width, float scale) {
  __shared__ float space[32];
  const std::int64_t begin = blockIdx.x * width;
  float dot = 0.0f;
  for (std::int64_t i = begin + threadIdx.x; i < begin + width; i += loop_threads)
    dot += static_cast<float>(probabilities[i]) * static_cast<float>(gradients[i]);
  dot = block_reduce<loop_threads>(dot, Sum{}, space);
  for (std::int64_t i = begin + threadIdx.x; i < begin + width; i += loop_threads)
    out[i] = narrow<T>(scale * static_cast<float>(probabilities[i]) * (static_cast<float>(gradients[i]) - dot));
}

template <int threads_, int pieces_>
struct Block {
  static constexpr int threads = threads_, pieces = pieces_;
};
/// Calls `launch` with the smallest block that holds a row of whole pieces; false where there is none.
template <class T, class Launch>
bool with_block(std::int64_t width, const Launch& launch) {
  const std::int64_t pieces = width / per_piece<T>;
  if (width % per_piece<T> != 0 || pieces > 2048) return false;
  if (pieces <= 128)
    launch(Block<128, 1>{});
  else if (pieces <= 256)
    launch(Block<128, 2>{});
  else if (pieces <= 512)
    launch(Block<128, 4>{});
  else if (pieces <= 1024)
    launch(Block<256, 4>{});
  else
    launch(Block<512, 4>{});
  return true;
}

}  // namespace

template <class T>
void softmax_forward(const T* scores, T* probabilities, std::int64_t rows, std::int64_t width, bool causal,
                     std::int64_t seq_q, float scale, cudaStream_t stream) {
  const unsigned grid = grid_of(rows);
  const bool done = with_block<T>(width, [&](auto block) {
    using B = decltype(block);
    enqueue(forward_kernel<T, B::threads, B::pieces>, grid, B::threads, stream, scores, probabilities,
            static_cast<int>(width), causal, seq_q, scale);
  });
  if (!done) enqueue(forward_loop<T>, grid, loop_threads, stream, scores, probabilities, width, causal, seq_q, scale);
}

template <class T>
void softmax_backward(const T* probabilities, const T* gradients, T* out, std::int64_t rows, std::int64_t width,
                      float scale, cudaStream_t stream) {
  const unsigned grid = grid_of(rows);
  const bool done = with_block<T>(width, [&](auto block) {
    using B = decltype(block);
    enqueue(backward_kernel<T, B::threads, B::pieces>, grid, B::threads, stream, probabilities, gradients, out,
            static_cast<int>(width), scale);
  });
  if (!done) enqueue(backward_loop<T>, grid, loop_threads, stream, probabilities, gradients, out, width, scale);
}

template void softmax_forward(const __half*, __half*, std::int64_t, std::int64_t, bool, std::int64_t, float,
                              cudaStream_t);
template void softmax_forward(const __nv_bfloat16*, __nv_bfloat16*, std::int64_t, std::int64_t, bool, std::int64_t,
                              float, cudaStream_t);
template void softmax_forward(const float*, float*, std::int64_t, std::int64_t, bool, std::int64_t, float,
                              cudaStream_t);
template void softmax_backward(const __half*, const __half*, __half*, std::int64_t, std::int64_t, float, cudaStream_t);
template void softmax_backward(const __nv_bfloat16*, const __nv_bfloat16*, __nv_bfloat16*, std::int64_t, std::int64_t,
                               float, cudaStream_t);
template void softmax_backward(const float*, const float*, float*, std::int64_t, std::int64_t, float, cudaStream_t);

}  // namespace rehearse::cuda
