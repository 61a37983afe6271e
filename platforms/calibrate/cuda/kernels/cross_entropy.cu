#include <cmath>

#include "platforms/calibrate/cuda/kernels/piece.cuh"
#include "platforms/calibrate/cuda/kernels/training.hpp"

namespace rehearse::cuda {
namespace {

constexpr int threads = 512, unroll = 4;  // a block for each row; pieces that a thread reads at once

/// A row is read once: a thread rescales its sum where it meets a new maximum (Milakov and Gimelshein, "Online
/// normalizer calculation for softmax", 2018).
__global__ void __launch_bounds__(threads)
    forward_kernel(const bf16* __restrict__ logits, const std::int32_t* __restrict__ targets, float* __restrict__ loss,
                   float* __restrict__ log_sums, int count) {
  __shared__ float max_space[32], sum_space[32];
  const std::int64_t row = blockIdx.x;
  const bf16* const from = logits + row * count * 8;
  float most = -INFINITY, sum = 0.0f;
  for (int begin = static_cast<int>(threadIdx.x); begin < count; begin += threads * unroll) {
    uint4 raw[unroll];
#pragma unroll
    for (int u = 0; u < unroll; ++u) {
      const int i = begin + u * threads;
      raw[u] = load_piece(from, i < count ? i : begin);
    }
    float larger = most;
#pragma unroll
    for (int u = 0; u < unroll; ++u) {
      const Wide<bf16> v(raw[u]);
      for (const float e : v.at) larger = fmaxf(larger, e);
    }
    sum *= __expf(most - larger);
    most = larger;
#pragma unroll
    for (int u = 0; u < unroll; ++u) {
      if (begin + u * threads >= count) continue;
      const Wide<bf16> v(raw[u]);
      for (const float e : v.at) sum += __expf(e - most);
    }
  }
  const float all = block_reduce<threads>(most, Max{}, max_space);
  sum = block_reduce<threads>(sum * __expf(most - all), Sum{}, sum_space);  // a thread without pieces adds 0
  if (threadIdx.x != 0) return;
  const float log_sum = all + logf(sum);
  log_sums[row] = log_sum;
  loss[row] = log_sum - static_cast<float>(from[targets[row]]);
}

__global__ void __launch_bounds__(threads)
    backward_kernel(const bf16* __restrict__ logits, const std::int32_t* __restrict__ targets,
                    const float* __restrict__ log_sums, const float* __restrict__ dloss, bf16* __restrict__ dx,
                    int count) {
  const std::int64_t row = blockIdx.x, offset = row * count * 8;
  const float log_sum = log_sums[row], factor = dloss[row];
  const int target = targets[row];
  for (int begin = static_cast<int>(threadIdx.x); begin < count; begin += threads * unroll) {
    uint4 raw[unroll];
#pragma unroll
    for (int u = 0; u < unroll; ++u) {
      const int i = begin + u * threads;
      raw[u] = load_piece(logits + offset, i < count ? i : begin);
    }
#pragma unroll
    for (int u = 0; u < unroll; ++u) {
      const int i = begin + u * threads;
      if (i >= count) continue;
      Wide<bf16> v(raw[u]);
#pragma unroll
      for (int e = 0; e < 8; ++e) v.at[e] = factor * (__expf(v.at[e] - log_sum) - (i * 8 + e == target ? 1.0f : 0.0f));
      store_piece(dx + offset, i, v.narrowed());
    }
  }
}

}  // namespace

void cross_entropy_forward(const bf16* logits, const std::int32_t* targets, float* loss, float* log_sum,
                           std::int64_t rows, std::int64_t width, cudaStream_t stream) {
  need_pieces(width);
  enqueue(forward_kernel, grid_of(rows), threads, stream, logits, targets, loss, log_sum, static_cast<int>(width / 8));
}

void cross_entropy_backward(const bf16* logits, const std::int32_t* targets, const float* log_sum, const float* dloss,
                            bf16* dx, std::int64_t rows, std::int64_t width, cudaStream_t stream) {
  need_pieces(width);
  enqueue(backward_kernel, grid_of(rows), threads, stream, logits, targets, log_sum, dloss, dx,
          static_cast<int>(width / 8));
}

}  // namespace rehearse::cuda
