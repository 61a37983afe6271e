// The buffers of a stream's sets. Private to the streams and their checks.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

#include "platforms/calibrate/cuda/work.hpp"

namespace rehearse::cuda {

template <class T>
inline constexpr Precision precision_of = Precision::fp32;
template <>
inline constexpr Precision precision_of<__nv_bfloat16> = Precision::bf16;
template <>
inline constexpr Precision precision_of<__half> = Precision::fp16;

/// The same operand of every set, one after another, each 256-byte aligned.
template <class T>
struct Buffer {
  T* base = nullptr;
  std::int64_t stride = 0;
  [[nodiscard]] T* of(int set) const { return base + set * stride; }
};

/// Takes buffers for as many sets as the arena says.
class Sets {
 public:
  /// Of a set with `element_bytes` for each element of the shape, and at most 16 bytes for each row besides.
  Sets(const StreamShape& shape, std::int64_t element_bytes, Arena& arena)
      : arena_(arena),
        count_(arena.sets_of(static_cast<std::size_t>(shape.rows * shape.width * element_bytes + shape.rows * 16))) {}
  [[nodiscard]] int count() const { return count_; }

  template <class T>
  Buffer<T> empty(std::int64_t elements) {
    constexpr auto line = static_cast<std::int64_t>(256 / sizeof(T));
    const std::int64_t stride = (elements + line - 1) / line * line;
    return {arena_.take<T>(static_cast<std::size_t>(stride * count_)), stride};
  }
  template <class T>
  Buffer<T> normal(std::int64_t elements, double scale = 1.0) {
    const Buffer<T> buffer = empty<T>(elements);
    fill_normal(buffer.base, all(buffer), precision_of<T>, scale, ++seed_);
    return buffer;
  }
  template <class T>
  Buffer<T> zero(std::int64_t elements) {
    const Buffer<T> buffer = empty<T>(elements);
    REHEARSE_CUDA(cudaMemset(buffer.base, 0, all(buffer) * sizeof(T)));
    REHEARSE_CUDA(cudaStreamSynchronize(nullptr));
    return buffer;
  }
  Buffer<std::int32_t> indices(std::int64_t elements, std::int32_t bound) {
    const auto buffer = empty<std::int32_t>(elements);
    fill_indices(buffer.base, all(buffer), bound, ++seed_);
    return buffer;
  }
  Buffer<std::uint8_t> mask(std::int64_t elements) {
    const auto buffer = empty<std::uint8_t>(elements);
    fill_mask(buffer.base, all(buffer), ++seed_);
    return buffer;
  }
  [[nodiscard]] Work work(std::function<void(cudaStream_t, int)> launch) const { return {count_, std::move(launch)}; }

 private:
  template <class T>
  [[nodiscard]] std::size_t all(const Buffer<T>& buffer) const {
    return static_cast<std::size_t>(buffer.stride * count_);
  }

  Arena& arena_;
  int count_;
  std::uint64_t seed_ = 100;
};

// What stream_work chooses from.
Work norm_stream(StreamKind kind, const StreamShape& shape, Arena& arena);        ///< layer_norm_*, rms_norm_*
Work softmax_stream(StreamKind kind, const StreamShape& shape, Arena& arena);     ///< softmax_*
Work activation_stream(StreamKind kind, const StreamShape& shape, Arena& arena);  ///< gelu_*, swiglu_*, rotary
Work dropout_stream(StreamKind kind, const StreamShape& shape, Arena& arena);     ///< dropout_add_*
Work vocabulary_stream(StreamKind kind, const StreamShape& shape, Arena& arena);  ///< cross_entropy_*, embedding_*
Work optimizer_stream(StreamKind kind, const StreamShape& shape, Arena& arena);   ///< adam, reduction, scale
Work movement_stream(StreamKind kind, const StreamShape& shape, Arena& arena);    ///< cast to copy
Work host_copy_stream(StreamKind kind, const StreamShape& shape, Arena& arena);   ///< what crosses the host's bus

}  // namespace rehearse::cuda
