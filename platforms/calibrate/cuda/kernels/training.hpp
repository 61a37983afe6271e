// Memory-bound kernels of training outside of the layers' norms and activations.
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

namespace rehearse::cuda {

// Row-major; buffers 16-byte aligned; widths and counts multiples of 8 (CannotRun else) but where said. Each only
// enqueues, and throws std::runtime_error where the launch fails.
using bf16 = __nv_bfloat16;

inline constexpr double dropout = 0.1;  ///< probability that an element is dropped

/// y = residual + mask x / (1 - p); the mask (1: kept) is drawn here with Philox and written.
void dropout_add_forward(const bf16* x, const bf16* residual, bf16* y, std::uint8_t* mask, std::int64_t count,
                         std::uint64_t seed, cudaStream_t stream);
/// dx = mask dy / (1 - p)
void dropout_add_backward(const bf16* dy, const std::uint8_t* mask, bf16* dx, std::int64_t count, cudaStream_t stream);

/// Of each row of logits: log_sum = log sum exp, loss = log_sum - logits[target].
void cross_entropy_forward(const bf16* logits, const std::int32_t* targets, float* loss, float* log_sum,
                           std::int64_t rows, std::int64_t width, cudaStream_t stream);
/// dx = dloss (exp(logits - log_sum) - 1[target])
void cross_entropy_backward(const bf16* logits, const std::int32_t* targets, const float* log_sum, const float* dloss,
                            bf16* dx, std::int64_t rows, std::int64_t width, cudaStream_t stream);

/// y[r] = table[indices[r]]
void embedding_forward(const bf16* table, const std::int32_t* indices, bf16* y, std::int64_t rows, std::int64_t width,
                       cudaStream_t stream);
/// gradient[indices[r]] += dy[r], by atomic additions of two elements.
void embedding_backward(const bf16* dy, const std::int32_t* indices, bf16* gradient, std::int64_t rows,
                        std::int64_t width, cudaStream_t stream);

/// A step of AdamW (Loshchilov and Hutter 2019) in mixed precision: the weights are fp32, with a copy in bf16.
struct AdamStep {
  float rate = 1e-3f, beta1 = 0.9f, beta2 = 0.95f, epsilon = 1e-8f, decay = 0.1f;
  float correction1 = 0.1f, correction2 = 0.05f;  ///< 1 - beta^step
};
void adam(const AdamStep& step, float* weight, float* moment1, float* moment2, const float* gradient, bf16* copy,
          std::int64_t count, cudaStream_t stream);

/// fp32 numbers that sum_of_squares works in.
std::size_t square_partials(std::int64_t count);
/// *out = sum of x^2
void sum_of_squares(const float* x, float* out, float* partials, std::int64_t count, cudaStream_t stream);
/// y = factor x
void scale(const float* x, float* y, float factor, std::int64_t count, cudaStream_t stream);
void cast(const float* x, bf16* y, std::int64_t count, cudaStream_t stream);
/// y (width x rows) is x (rows x width) transposed; any sizes, fast where both are even.
void transpose(const bf16* x, bf16* y, std::int64_t rows, std::int64_t width, cudaStream_t stream);

}  // namespace rehearse::cuda
