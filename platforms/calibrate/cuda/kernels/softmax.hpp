// Masked softmax of attention scores, and its gradient.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace rehearse::cuda {

/// Rows of `width` elements, row r of query r mod seq_q; where `causal`, keys after (r mod seq_q) + width - seq_q are
/// masked and written as zero. Any width; fast where it is a multiple of 8 (16 bytes). T: __half, __nv_bfloat16, float.
/// Throw std::runtime_error where the launch fails.
///
/// p = softmax(scale x)
template <class T>
void softmax_forward(const T* scores, T* probabilities, std::int64_t rows, std::int64_t width, bool causal,
                     std::int64_t seq_q, float scale, cudaStream_t stream);
/// dx = scale p (dp - sum p dp): the gradient of the scores before scaling. `out` may be `gradients`.
template <class T>
void softmax_backward(const T* probabilities, const T* gradients, T* out, std::int64_t rows, std::int64_t width,
                      float scale, cudaStream_t stream);

}  // namespace rehearse::cuda
