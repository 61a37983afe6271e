// What the memory-bound kernels share: pieces of 16 bytes, sums over a block, and launches over many pieces.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstdint>
#include <string>

#include "platforms/calibrate/cuda/work.hpp"

namespace rehearse::cuda {

/// Elements of T in 16 bytes: what a thread reads or writes at once.
template <class T>
inline constexpr int per_piece = static_cast<int>(16 / sizeof(T));

template <class T>
__device__ T narrow(float x);
template <>
__device__ inline float narrow<float>(float x) {
  return x;
}
template <>
__device__ inline __half narrow<__half>(float x) {
  return __float2half_rn(x);
}
template <>
__device__ inline __nv_bfloat16 narrow<__nv_bfloat16>(float x) {
  return __float2bfloat16_rn(x);
}

template <class T>
__device__ uint4 load_piece(const T* from, std::int64_t piece) {
  return reinterpret_cast<const uint4*>(from)[piece];
}
template <class T>
__device__ void store_piece(T* to, std::int64_t piece, uint4 value) {
  reinterpret_cast<uint4*>(to)[piece] = value;
}

/// The elements of a piece as fp32, and back.
template <class T>
struct Wide {
  float at[per_piece<T>];

  Wide() = default;
  __device__ explicit Wide(uint4 piece) {
    const T* const elements = reinterpret_cast<const T*>(&piece);
#pragma unroll
    for (int i = 0; i < per_piece<T>; ++i) at[i] = static_cast<float>(elements[i]);
  }
  [[nodiscard]] __device__ uint4 narrowed() const {
    uint4 piece;
    T* const elements = reinterpret_cast<T*>(&piece);
#pragma unroll
    for (int i = 0; i < per_piece<T>; ++i) elements[i] = narrow<T>(at[i]);
    return piece;
  }
};

struct Sum {
  __device__ float operator()(float a, float b) const { return a + b; }
};
struct Max {
  __device__ float operator()(float a, float b) const { return fmaxf(a, b); }
};

/// Of all threads of a block, to all of them; every thread must come here. `space` is one float a warp, and no thread
/// may still read what an earlier call put there.
template <int threads, class Combine>
__device__ float block_reduce(float value, Combine combine, float* space) {
  constexpr int warps = threads / 32;
  static_assert(threads % 32 == 0 && warps <= 32);
#pragma unroll
  for (int off = 16; off > 0; off /= 2) value = combine(value, __shfl_xor_sync(0xffffffffU, value, off));
  if (threadIdx.x % 32 == 0) space[threadIdx.x / 32] = value;
  __syncthreads();
  float all = space[0];
#pragma unroll
  for (int i = 1; i < warps; ++i) all = combine(all, space[i]);
  return all;
}

__device__ inline float sigmoid(float x) { return __fdividef(1.0f, 1.0f + __expf(-x)); }

inline void need(bool condition, const char* what) {
  if (!condition) throw CannotRun(what);
}
inline void need_pieces(std::int64_t width) { need(width % 8 == 0, "rows must be multiples of 8 elements"); }

/// Blocks of a grid in one dimension.
inline unsigned grid_of(std::int64_t blocks) {
  need(blocks >= 1 && blocks < (std::int64_t{1} << 31), "too many rows");
  return static_cast<unsigned>(blocks);
}
inline std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

/// Launches a kernel. Compiled as plain C++ (tests/emulation) its blocks run on the host, one after another.
template <class... Parameters, class... Arguments>
void enqueue(void (*kernel)(Parameters...), dim3 grid, dim3 block, cudaStream_t stream, const Arguments&... arguments) {
#ifdef __CUDACC__
  kernel<<<grid, block, 0, stream>>>(arguments...);
  REHEARSE_CUDA(cudaGetLastError());
#else
  static_cast<void>(stream);
  emulation::run(grid, block, [&] { kernel(arguments...); });
#endif
}

inline constexpr int each_threads = 256;

/// Work on `count` independent pieces: op.load(i) of all of a thread's pieces, so that many loads are in flight, then
/// op.finish(i, loaded).
template <int unroll, class Op>
__global__ void __launch_bounds__(each_threads) each_kernel(Op op, std::int64_t count) {
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * (each_threads * unroll) + threadIdx.x;
  typename Op::Loaded loaded[unroll];
#pragma unroll
  for (int u = 0; u < unroll; ++u)
    if (first + u * each_threads < count) loaded[u] = op.load(first + u * each_threads);
#pragma unroll
  for (int u = 0; u < unroll; ++u)
    if (first + u * each_threads < count) op.finish(first + u * each_threads, loaded[u]);
}
template <int unroll, class Op>
void launch_each(const Op& op, std::int64_t count, cudaStream_t stream) {
  enqueue(each_kernel<unroll, Op>, grid_of(ceil_div(count, each_threads * unroll)), each_threads, stream, op, count);
}

}  // namespace rehearse::cuda
