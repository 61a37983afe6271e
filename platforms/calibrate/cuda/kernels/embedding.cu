#include "platforms/calibrate/cuda/kernels/piece.cuh"
#include "platforms/calibrate/cuda/kernels/training.hpp"

namespace rehearse::cuda {
namespace {

constexpr int threads = 128, unroll = 4;  // a block for each row

__global__ void __launch_bounds__(threads)
    forward_kernel(const bf16* __restrict__ table, const std::int32_t* __restrict__ indices, bf16* __restrict__ y,
                   int count) {
  const std::int64_t row = blockIdx.x, width = count * 8;
  const bf16* const from = table + indices[row] * width;
  for (int begin = static_cast<int>(threadIdx.x); begin < count; begin += threads * unroll) {
    uint4 raw[unroll];
#pragma unroll
    for (int u = 0; u < unroll; ++u)
      if (begin + u * threads < count) raw[u] = load_piece(from, begin + u * threads);
#pragma unroll
    for (int u = 0; u < unroll; ++u)
      if (begin + u * threads < count) store_piece(y + row * width, begin + u * threads, raw[u]);
  }
}

/// Neighbouring threads add neighbouring pairs, so that a warp's additions go to one line.
__global__ void __launch_bounds__(threads)
    backward_kernel(const bf16* __restrict__ dy, const std::int32_t* __restrict__ indices, bf16* __restrict__ gradient,
                    int pairs) {
  using Pair = __nv_bfloat162;
  const std::int64_t row = blockIdx.x;
  const Pair* const from = reinterpret_cast<const Pair*>(dy) + row * pairs;
  Pair* const to = reinterpret_cast<Pair*>(gradient) + static_cast<std::int64_t>(indices[row]) * pairs;
#pragma unroll 8
  for (int i = static_cast<int>(threadIdx.x); i < pairs; i += threads) atomicAdd(to + i, from[i]);
}

}  // namespace

void embedding_forward(const bf16* table, const std::int32_t* indices, bf16* y, std::int64_t rows, std::int64_t width,
                       cudaStream_t stream) {
  need_pieces(width);
  enqueue(forward_kernel, grid_of(rows), threads, stream, table, indices, y, static_cast<int>(width / 8));
}

void embedding_backward(const bf16* dy, const std::int32_t* indices, bf16* gradient, std::int64_t rows,
                        std::int64_t width, cudaStream_t stream) {
  need_pieces(width);
  enqueue(backward_kernel, grid_of(rows), threads, stream, dy, indices, gradient, static_cast<int>(width / 2));
}

}  // namespace rehearse::cuda
