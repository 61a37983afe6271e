// CUDA's kernels as plain C++: what they take from nvcc, for the host. Every source of the test is compiled with this
// included first.
#pragma once

#include <cuda_runtime.h>

// Blocks run one after another, so that what threads of a block share may be static.
#undef __shared__
#define __shared__ static
#undef __launch_bounds__
#define __launch_bounds__(...)
#undef __align__
#define __align__(n) __attribute__((aligned(n)))
#undef __global__
#define __global__
#undef __device__
#define __device__

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <algorithm>
#include <cmath>
#include <functional>

namespace emulation {

/// Runs `thread` once for each thread of each block, those of a block as fibres, warp by warp between barriers. Throws
/// std::logic_error where some threads end while others wait at a barrier, or some lanes of a warp at a shuffle.
void run(dim3 grid, dim3 block, const std::function<void()>& thread);

}  // namespace emulation

extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;

void __syncthreads();
/// All threads of the warp have to come here.
float __shfl_xor_sync(unsigned mask, float value, int other);

using std::max;
using std::min;
inline float __expf(float x) { return std::exp(x); }
inline float __fdividef(float a, float b) { return a / b; }
inline float rsqrtf(float x) { return 1.0F / std::sqrt(x); }
inline void sincospif(float x, float* sine, float* cosine) {
  constexpr double pi = 3.14159265358979323846;
  *sine = static_cast<float>(std::sin(pi * static_cast<double>(x)));
  *cosine = static_cast<float>(std::cos(pi * static_cast<double>(x)));
}
inline void atomicAdd(__nv_bfloat162* to, __nv_bfloat162 value) {
  to->x = __float2bfloat16_rn(__bfloat162float(to->x) + __bfloat162float(value.x));
  to->y = __float2bfloat16_rn(__bfloat162float(to->y) + __bfloat162float(value.y));
}
