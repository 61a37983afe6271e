#include <algorithm>

#include "platforms/calibrate/cuda/kernels/layer.hpp"
#include "platforms/calibrate/cuda/kernels/piece.cuh"

namespace rehearse::cuda {
namespace {

constexpr float epsilon = 1e-5f;
constexpr std::int64_t widest = 16384;

template <int pieces>
struct Row {
  uint4 at[pieces];

  Row() = default;
  /// This thread's pieces of a row of `count` pieces; zero past its end and where there is no row.
  template <int threads>
  __device__ void load(const bf16* row, int count) {
#pragma unroll
    for (int p = 0; p < pieces; ++p) {
      const int i = static_cast<int>(threadIdx.x) + p * threads;
      at[p] = row != nullptr && i < count ? load_piece(row, i) : uint4{};
    }
  }
};

/// A block for each row, which stays in registers.
template <NormKind kind, int threads, int pieces>
__global__ void __launch_bounds__(threads)
    forward_kernel(const bf16* __restrict__ x, const bf16* __restrict__ gamma, const bf16* __restrict__ beta,
                   bf16* __restrict__ y, float* __restrict__ means, float* __restrict__ rstds, int count) {
  __shared__ float sum_space[32], square_space[32];
  const std::int64_t row = blockIdx.x, begin = row * count * 8;
  Row<pieces> raw;
  raw.template load<threads>(x + begin, count);
  const float share = 1.0f / static_cast<float>(count * 8);
  float mean = 0.0f;
  if constexpr (kind == NormKind::layer) {
    float sum = 0.0f;
#pragma unroll
    for (int p = 0; p < pieces; ++p) {
      const Wide<bf16> v(raw.at[p]);
      for (const float e : v.at) sum += e;
    }
    mean = block_reduce<threads>(sum, Sum{}, sum_space) * share;
  }
  float squares = 0.0f;
#pragma unroll
  for (int p = 0; p < pieces; ++p) {
    if (static_cast<int>(threadIdx.x) + p * threads >= count) continue;
    const Wide<bf16> v(raw.at[p]);
    for (const float e : v.at) squares += (e - mean) * (e - mean);
  }
  const float rstd = rsqrtf(block_reduce<threads>(squares, Sum{}, square_space) * share + epsilon);
#pragma unroll
  for (int p = 0; p < pieces; ++p) {
    const int i = static_cast<int>(threadIdx.x) + p * threads;
    if (i >= count) continue;
    Wide<bf16> v(raw.at[p]);
    const Wide<bf16> g(load_piece(gamma, i));
    for (int e = 0; e < 8; ++e) v.at[e] = (v.at[e] - mean) * rstd * g.at[e];
    if constexpr (kind == NormKind::layer) {
      const Wide<bf16> b(load_piece(beta, i));
      for (int e = 0; e < 8; ++e) v.at[e] += b.at[e];
    }
    store_piece(y + begin, i, v.narrowed());
  }
  if (threadIdx.x == 0) {
    rstds[row] = rstd;
    if constexpr (kind == NormKind::layer) means[row] = mean;
  }
}

struct Backward {
  const bf16 *dy, *x, *gamma;
  const float *mean, *rstd;
  const bf16* residual;
  bf16* dx;
  float* partials;  ///< a row of dgamma for each block, then (layer norm) a row of dbeta for each
  std::int64_t rows;
  int count;  ///< pieces of a row
};

template <int pieces>
struct BackwardRow {
  Row<pieces> x, dy, residual;
  template <int threads>
  __device__ void load(const Backward& b, std::int64_t row) {
    const std::int64_t begin = row * b.count * 8;
    const bool is_row = row < b.rows;
    x.template load<threads>(is_row ? b.x + begin : nullptr, b.count);
    dy.template load<threads>(is_row ? b.dy + begin : nullptr, b.count);
    residual.template load<threads>(is_row && b.residual != nullptr ? b.residual + begin : nullptr, b.count);
  }
};

/// The sums over rows that a thread keeps for its columns.
template <int pieces>
struct Columns {
  float dgamma[pieces][8] = {}, dbeta[pieces][8] = {};
};

/// Of the mean of dy gamma and of dy gamma xhat over the row; adds to the sums over columns.
template <NormKind kind, int threads, int pieces>
__device__ float2 row_sums(const Backward& b, const BackwardRow<pieces>& row, float mean, float rstd,
                           Columns<pieces>& columns) {
  float2 sums{0.0f, 0.0f};
#pragma unroll
  for (int p = 0; p < pieces; ++p) {
    const int i = static_cast<int>(threadIdx.x) + p * threads;
    if (i >= b.count) continue;
    const Wide<bf16> x(row.x.at[p]), dy(row.dy.at[p]), gamma(load_piece(b.gamma, i));
#pragma unroll
    for (int e = 0; e < 8; ++e) {
      const float normal = (x.at[e] - mean) * rstd, scaled = dy.at[e] * gamma.at[e];
      sums.x += scaled;
      sums.y += scaled * normal;
      columns.dgamma[p][e] += dy.at[e] * normal;
      if constexpr (kind == NormKind::layer) columns.dbeta[p][e] += dy.at[e];
    }
  }
  return sums;
}

template <NormKind kind, int threads, int pieces>
__device__ void store_gradient(const Backward& b, const BackwardRow<pieces>& row, std::int64_t r, float mean,
                               float rstd, float2 means) {
#pragma unroll
  for (int p = 0; p < pieces; ++p) {
    const int i = static_cast<int>(threadIdx.x) + p * threads;
    if (i >= b.count) continue;
    const Wide<bf16> x(row.x.at[p]), dy(row.dy.at[p]), gamma(load_piece(b.gamma, i));
    Wide<bf16> out(row.residual.at[p]);
#pragma unroll
    for (int e = 0; e < 8; ++e) {
      const float normal = (x.at[e] - mean) * rstd;
      const float offset = kind == NormKind::layer ? means.x : 0.0f;
      out.at[e] += rstd * (dy.at[e] * gamma.at[e] - offset - normal * means.y);
    }
    store_piece(b.dx + r * b.count * 8, i, out.narrowed());
  }
}

/// Each block goes through every gridDim.x-th row, and reads the next (where registers allow) before it works on one.
template <NormKind kind, int threads, int pieces>
__global__ void __launch_bounds__(threads, pieces <= 2 ? 2 : 1) backward_kernel(Backward b) {
  constexpr bool ahead = threads * pieces <= 1024;
  __shared__ float space[2][2][threads / 32];
  Columns<pieces> columns;
  BackwardRow<pieces> row, next;
  const float share = 1.0f / static_cast<float>(b.count * 8);
  row.template load<threads>(b, blockIdx.x);
  int turn = 0;  // sums of two rows have places of their own, so that one barrier a sum is enough
  for (std::int64_t r = blockIdx.x; r < b.rows; r += gridDim.x, turn ^= 1) {
    if constexpr (ahead) next.template load<threads>(b, r + gridDim.x);
    const float rstd = b.rstd[r], mean = kind == NormKind::layer ? b.mean[r] : 0.0f;
    float2 sums = row_sums<kind, threads, pieces>(b, row, mean, rstd, columns);
    if constexpr (kind == NormKind::layer) sums.x = block_reduce<threads>(sums.x, Sum{}, space[turn][0]) * share;
    sums.y = block_reduce<threads>(sums.y, Sum{}, space[turn][1]) * share;
    store_gradient<kind, threads, pieces>(b, row, r, mean, rstd, sums);
    if constexpr (ahead)
      row = next;
    else
      row.template load<threads>(b, r + gridDim.x);
  }
  const std::int64_t width = b.count * 8;
  float* const dgamma = b.partials + blockIdx.x * width;
  float* const dbeta = b.partials + (static_cast<std::int64_t>(gridDim.x) + blockIdx.x) * width;
#pragma unroll
  for (int p = 0; p < pieces; ++p) {
    const int i = static_cast<int>(threadIdx.x) + p * threads;
    if (i >= b.count) continue;
#pragma unroll
    for (int e = 0; e < 8; e += 4) {
      const float *g = columns.dgamma[p] + e, *s = columns.dbeta[p] + e;
      *reinterpret_cast<float4*>(dgamma + i * 8 + e) = float4{g[0], g[1], g[2], g[3]};
      if constexpr (kind == NormKind::layer)
        *reinterpret_cast<float4*>(dbeta + i * 8 + e) = float4{s[0], s[1], s[2], s[3]};
    }
  }
}

constexpr int column_warps = 16;

/// Sums over rows of the partials: a lane for each column. blockIdx.y 0 is dgamma, 1 is dbeta.
__global__ void __launch_bounds__(32 * column_warps)
    columns_kernel(const float* __restrict__ partials, int rows, int width, bf16* dgamma, bf16* dbeta) {
  __shared__ float space[column_warps][32];
  const int column = static_cast<int>(blockIdx.x * 32 + threadIdx.x);
  const float* const from = partials + static_cast<std::int64_t>(blockIdx.y) * rows * width;
  float sum = 0.0f;
  if (column < width) {
#pragma unroll 4
    for (int r = static_cast<int>(threadIdx.y); r < rows; r += column_warps)
      sum += from[static_cast<std::int64_t>(r) * width + column];
  }
  space[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y != 0 || column >= width) return;
  for (int w = 1; w < column_warps; ++w) sum += space[w][threadIdx.x];
  (blockIdx.y == 0 ? dgamma : dbeta)[column] = narrow<bf16>(sum);
}

/// Two for each multiprocessor: what their registers have room for, of rows up to 4,096.
std::int64_t backward_blocks(std::int64_t rows) {
  const int multiprocessors = device_attribute(cudaDevAttrMultiProcessorCount);
  return std::min<std::int64_t>(rows, 2 * multiprocessors);
}

template <int threads_, int pieces_>
struct Block {
  static constexpr int threads = threads_, pieces = pieces_;
};
/// Calls `launch` with the smallest block that holds a row.
template <class Launch>
void with_block(std::int64_t width, const Launch& launch) {
  need_pieces(width);
  need(width <= widest, "norms of more than 16,384 elements are not done");
  if (width <= 2048) return launch(Block<256, 1>{});
  if (width <= 4096) return launch(Block<256, 2>{});
  if (width <= 8192) return launch(Block<256, 4>{});
  launch(Block<512, 4>{});
}

template <NormKind kind>
void launch_backward(const Backward& b, std::int64_t width, unsigned blocks, cudaStream_t stream) {
  with_block(width, [&](auto block) {
    using B = decltype(block);
    enqueue(backward_kernel<kind, B::threads, B::pieces>, blocks, B::threads, stream, b);
  });
}

}  // namespace

void norm_forward(NormKind kind, const bf16* x, const bf16* gamma, const bf16* beta, bf16* y, float* mean, float* rstd,
                  std::int64_t rows, std::int64_t width, cudaStream_t stream) {
  const unsigned grid = grid_of(rows);
  const int count = static_cast<int>(width / 8);
  with_block(width, [&](auto block) {
    using B = decltype(block);
    const auto kernel = kind == NormKind::layer ? forward_kernel<NormKind::layer, B::threads, B::pieces>
                                                : forward_kernel<NormKind::rms, B::threads, B::pieces>;
    enqueue(kernel, grid, B::threads, stream, x, gamma, beta, y, mean, rstd, count);
  });
}

std::size_t norm_partials(std::int64_t rows, std::int64_t width) {
  return static_cast<std::size_t>(2 * backward_blocks(rows) * width);
}

void norm_backward(NormKind kind, const bf16* dy, const bf16* x, const bf16* gamma, const float* mean,
                   const float* rstd, const bf16* residual, bf16* dx, bf16* dgamma, bf16* dbeta, float* partials,
                   std::int64_t rows, std::int64_t width, cudaStream_t stream) {
  const unsigned blocks = grid_of(backward_blocks(rows));
  const Backward b{dy, x, gamma, mean, rstd, residual, dx, partials, rows, static_cast<int>(width / 8)};
  const bool is_layer = kind == NormKind::layer;
  is_layer ? launch_backward<NormKind::layer>(b, width, blocks, stream)
           : launch_backward<NormKind::rms>(b, width, blocks, stream);
  const dim3 grid(grid_of(ceil_div(width, 32)), is_layer ? 2 : 1);
  enqueue(columns_kernel, grid, dim3(32, column_warps), stream, partials, static_cast<int>(blocks),
          static_cast<int>(width), dgamma, dbeta);
}

}  // namespace rehearse::cuda
