// The memory-bound kernels of a transformer layer, on bf16 buffers of the caller.
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

namespace rehearse::cuda {

// Rows x width row-major, widths multiples of 8 (CannotRun else), buffers 16-byte aligned. Each only enqueues, and
// throws std::runtime_error where the launch fails.
using bf16 = __nv_bfloat16;

enum class NormKind : std::uint8_t { layer, rms };

/// y = (x - mean) rstd gamma + beta, or x rstd gamma; the statistics of each row (fp32) are kept for backward. Of an
/// RMS norm mean and beta are not touched and may be null. Widths up to 16,384.
void norm_forward(NormKind kind, const bf16* x, const bf16* gamma, const bf16* beta, bf16* y, float* mean, float* rstd,
                  std::int64_t rows, std::int64_t width, cudaStream_t stream);

/// fp32 numbers that norm_backward works in.
std::size_t norm_partials(std::int64_t rows, std::int64_t width);
/// dx = gradient of x + residual (the gradient that passes the norm by; may be null); dgamma and dbeta in bf16.
void norm_backward(NormKind kind, const bf16* dy, const bf16* x, const bf16* gamma, const float* mean,
                   const float* rstd, const bf16* residual, bf16* dx, bf16* dgamma, bf16* dbeta, float* partials,
                   std::int64_t rows, std::int64_t width, cudaStream_t stream);

/// GELU by tanh (Hendrycks and Gimpel 2016).
void gelu_forward(const bf16* x, bf16* y, std::int64_t count, cudaStream_t stream);
void gelu_backward(const bf16* x, const bf16* dy, bf16* dx, std::int64_t count, cudaStream_t stream);

/// y = silu(gate) up (Shazeer 2020): a row of x is `width` of gate, then `width` of up; so of dx.
void swiglu_forward(const bf16* x, bf16* y, std::int64_t rows, std::int64_t width, cudaStream_t stream);
void swiglu_backward(const bf16* x, const bf16* dy, bf16* dx, std::int64_t rows, std::int64_t width,
                     cudaStream_t stream);

/// Rotary positions in place (Su et al. 2021), halves rotated: heads of head_dim at the start of rows that are `stride`
/// apart, position = row mod seq. `sign` -1 turns back, which is the gradient.
void rotary(bf16* x, std::int64_t rows, std::int64_t heads, std::int64_t head_dim, std::int64_t stride,
            std::int64_t seq, float sign, cudaStream_t stream);

/// y = a + b
void add(const bf16* a, const bf16* b, bf16* y, std::int64_t count, cudaStream_t stream);

}  // namespace rehearse::cuda
