#include <cstdlib>
#include <cstring>
#include <memory>

#include "platforms/calibrate/cuda/kernels/training.hpp"
#include "platforms/calibrate/cuda/stream_sets.hpp"

namespace rehearse::cuda {
namespace {

constexpr std::int32_t vocabulary = 50304;  // rows of the embedding's table

Work cross_entropy_forward_stream(const StreamShape& s, Arena& arena) {
  Sets sets(s, 2, arena);
  const auto logits = sets.normal<bf16>(s.rows * s.width);
  const auto targets = sets.indices(s.rows, static_cast<std::int32_t>(s.width));
  const auto loss = sets.empty<float>(s.rows), log_sum = sets.empty<float>(s.rows);
  return sets.work([=](cudaStream_t stream, int i) {
    cross_entropy_forward(logits.of(i), targets.of(i), loss.of(i), log_sum.of(i), s.rows, s.width, stream);
  });
}

Work cross_entropy_backward_stream(const StreamShape& s, Arena& arena) {
  Sets sets(s, 4, arena);
  const auto logits = sets.normal<bf16>(s.rows * s.width), dx = sets.empty<bf16>(s.rows * s.width);
  const auto targets = sets.indices(s.rows, static_cast<std::int32_t>(s.width));
  const auto log_sum = sets.normal<float>(s.rows), dloss = sets.normal<float>(s.rows);
  return sets.work([=](cudaStream_t stream, int i) {
    cross_entropy_backward(logits.of(i), targets.of(i), log_sum.of(i), dloss.of(i), dx.of(i), s.rows, s.width, stream);
  });
}

Work embedding_stream(bool backward, const StreamShape& s, Arena& arena) {
  const std::size_t table_size = static_cast<std::size_t>(vocabulary) * static_cast<std::size_t>(s.width);
  bf16* const table = arena.take<bf16>(table_size);
  fill_normal(table, table_size, Precision::bf16, 1.0, 1);
  Sets sets(s, 2, arena);
  const auto indices = sets.indices(s.rows, vocabulary);
  if (!backward) {
    const auto y = sets.empty<bf16>(s.rows * s.width);
    return sets.work(
        [=](cudaStream_t stream, int i) { embedding_forward(table, indices.of(i), y.of(i), s.rows, s.width, stream); });
  }
  const auto dy = sets.normal<bf16>(s.rows * s.width, 1e-3);  // added again and again: the table stays bounded
  return sets.work(
      [=](cudaStream_t stream, int i) { embedding_backward(dy.of(i), indices.of(i), table, s.rows, s.width, stream); });
}

/// A second moment that begins at zero is never negative; small steps and decay keep the weights bounded.
Work adam_stream(const StreamShape& s, Arena& arena) {
  const std::int64_t count = s.rows * s.width;
  Sets sets(s, 18, arena);
  const auto weight = sets.normal<float>(count), gradient = sets.normal<float>(count);
  const auto moment1 = sets.zero<float>(count), moment2 = sets.zero<float>(count);
  const auto copy = sets.empty<bf16>(count);
  return sets.work([=](cudaStream_t stream, int i) {
    adam(AdamStep{}, weight.of(i), moment1.of(i), moment2.of(i), gradient.of(i), copy.of(i), count, stream);
  });
}

Work reduction_stream(const StreamShape& s, Arena& arena) {
  const std::int64_t count = s.rows * s.width;
  float* const partials = arena.take<float>(square_partials(count));
  float* const out = arena.take<float>(1);
  Sets sets(s, 4, arena);
  const auto x = sets.normal<float>(count);
  return sets.work([=](cudaStream_t stream, int i) { sum_of_squares(x.of(i), out, partials, count, stream); });
}

using HostMemory = std::shared_ptr<void>;

HostMemory host_memory(std::size_t bytes, bool pageable) {
  void* memory = nullptr;
  HostMemory held;
  if (pageable) {
    memory = std::malloc(bytes);
    held = {memory, [](void* p) { std::free(p); }};
  } else {
    if (cudaMallocHost(&memory, bytes) != cudaSuccess) {
      cudaGetLastError();
      throw CannotRun("too little host memory that can be pinned");
    }
    held = {memory, [](void* p) { cudaFreeHost(p); }};
  }
  if (memory == nullptr) throw CannotRun("too little host memory");
  std::memset(memory, 1, bytes);  // so that every page is there
  return held;
}

}  // namespace

Work vocabulary_stream(StreamKind kind, const StreamShape& shape, Arena& arena) {
  if (kind == StreamKind::cross_entropy_forward) return cross_entropy_forward_stream(shape, arena);
  if (kind == StreamKind::cross_entropy_backward) return cross_entropy_backward_stream(shape, arena);
  return embedding_stream(kind == StreamKind::embedding_backward, shape, arena);
}

Work optimizer_stream(StreamKind kind, const StreamShape& s, Arena& arena) {
  if (kind == StreamKind::adam) return adam_stream(s, arena);
  if (kind == StreamKind::reduction) return reduction_stream(s, arena);
  const std::int64_t count = s.rows * s.width;
  Sets sets(s, 8, arena);
  const auto x = sets.normal<float>(count), y = sets.empty<float>(count);
  return sets.work([=](cudaStream_t stream, int i) { scale(x.of(i), y.of(i), 0.5f, count, stream); });
}

Work movement_stream(StreamKind kind, const StreamShape& s, Arena& arena) {
  const std::int64_t count = s.rows * s.width;
  if (kind == StreamKind::cast) {
    Sets sets(s, 6, arena);
    const auto x = sets.normal<float>(count);
    const auto y = sets.empty<bf16>(count);
    return sets.work([=](cudaStream_t stream, int i) { cast(x.of(i), y.of(i), count, stream); });
  }
  if (kind == StreamKind::transpose) {
    Sets sets(s, 4, arena);
    const auto x = sets.normal<bf16>(count), y = sets.empty<bf16>(count);
    return sets.work([=](cudaStream_t stream, int i) { transpose(x.of(i), y.of(i), s.rows, s.width, stream); });
  }
  const auto bytes = static_cast<std::size_t>(count);
  if (kind == StreamKind::memset) {
    Sets sets(s, 1, arena);
    const auto y = sets.empty<std::uint8_t>(count);
    return sets.work([=](cudaStream_t stream, int i) { REHEARSE_CUDA(cudaMemsetAsync(y.of(i), 0, bytes, stream)); });
  }
  Sets sets(s, 2, arena);
  const auto x = sets.normal<bf16>(count / 2), y = sets.empty<bf16>(count / 2);
  return sets.work([=](cudaStream_t stream, int i) {
    REHEARSE_CUDA(cudaMemcpyAsync(y.of(i), x.of(i), bytes, cudaMemcpyDeviceToDevice, stream));
  });
}

/// All sets share the host's memory, as a framework's buffer is used again and again.
Work host_copy_stream(StreamKind kind, const StreamShape& s, Arena& arena) {
  const bool pageable = kind == StreamKind::copy_to_device_pageable || kind == StreamKind::copy_to_host_pageable;
  const bool to_host = kind == StreamKind::copy_to_host || kind == StreamKind::copy_to_host_pageable;
  const auto bytes = static_cast<std::size_t>(s.rows * s.width);
  Sets sets(s, 1, arena);
  const auto device = sets.normal<bf16>(s.rows * s.width / 2);
  const HostMemory host = host_memory(bytes, pageable);
  Work work = sets.work([=](cudaStream_t stream, int i) {
    void* const to = to_host ? host.get() : device.of(i);
    const void* const from = to_host ? static_cast<const void*>(device.of(i)) : host.get();
    REHEARSE_CUDA(cudaMemcpyAsync(to, from, bytes, to_host ? cudaMemcpyDeviceToHost : cudaMemcpyHostToDevice, stream));
  });
  work.graph = !pageable;
  return work;
}

}  // namespace rehearse::cuda
