#include "platforms/calibrate/cuda/kernels/piece.cuh"
#include "platforms/calibrate/cuda/kernels/training.hpp"

namespace rehearse::cuda {
namespace {

struct Cast {
  struct Loaded {
    uint4 low, high;
  };
  const float* x;
  bf16* y;
  __device__ Loaded load(std::int64_t i) const { return {load_piece(x, 2 * i), load_piece(x, 2 * i + 1)}; }
  __device__ void finish(std::int64_t i, const Loaded& loaded) const {
    const Wide<float> low(loaded.low), high(loaded.high);
    Wide<bf16> v;
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      v.at[e] = low.at[e];
      v.at[e + 4] = high.at[e];
    }
    store_piece(y, i, v.narrowed());
  }
};

constexpr int tile = 64, warps = 8;  // of the tile's edge; each warp moves every eighth row, two elements a lane

/// Tiles through shared memory, padded by two elements so that neither way meets the same bank often. Pairs of
/// elements are moved at once where an even width (reading) and an even number of rows (writing) align them.
__global__ void __launch_bounds__(32 * warps)
    transpose_kernel(const bf16* __restrict__ x, bf16* __restrict__ y, std::int64_t rows, std::int64_t width) {
  __shared__ __align__(4) bf16 space[tile][tile + 2];
  const std::int64_t tiles = (width + tile - 1) / tile;
  const std::int64_t first_row = blockIdx.x / tiles * tile, first_column = blockIdx.x % tiles * tile;
  const int lane = static_cast<int>(threadIdx.x), warp = static_cast<int>(threadIdx.y);
  const bool x_pairs = width % 2 == 0, y_pairs = rows % 2 == 0;
#pragma unroll
  for (int r = warp; r < tile; r += warps) {
    const std::int64_t row = first_row + r, column = first_column + 2 * lane;
    if (row >= rows || column >= width) continue;
    const bf16* const from = x + row * width + column;
    if (x_pairs) {
      *reinterpret_cast<__nv_bfloat162*>(&space[r][2 * lane]) = *reinterpret_cast<const __nv_bfloat162*>(from);
    } else {
      space[r][2 * lane] = from[0];
      if (column + 1 < width) space[r][2 * lane + 1] = from[1];
    }
  }
  __syncthreads();
#pragma unroll
  for (int c = warp; c < tile; c += warps) {
    const std::int64_t column = first_column + c, row = first_row + 2 * lane;
    if (row >= rows || column >= width) continue;
    bf16* const to = y + column * rows + row;
    if (y_pairs) {
      *reinterpret_cast<__nv_bfloat162*>(to) = __nv_bfloat162(space[2 * lane][c], space[2 * lane + 1][c]);
    } else {
      to[0] = space[2 * lane][c];
      if (row + 1 < rows) to[1] = space[2 * lane + 1][c];
    }
  }
}

}  // namespace

void cast(const float* x, bf16* y, std::int64_t count, cudaStream_t stream) {
  need_pieces(count);
  launch_each<2>(Cast{x, y}, count / 8, stream);
}

void transpose(const bf16* x, bf16* y, std::int64_t rows, std::int64_t width, cudaStream_t stream) {
  const unsigned grid = grid_of(ceil_div(rows, tile) * ceil_div(width, tile));
  enqueue(transpose_kernel, grid, dim3(32, warps), stream, x, y, rows, width);
}

}  // namespace rehearse::cuda
