#include "platforms/calibrate/cuda/stream_sets.hpp"

namespace rehearse::cuda {

Work stream_work(StreamKind kind, const StreamShape& shape, Arena& arena) {
  switch (kind) {
    case StreamKind::layer_norm_forward:
    case StreamKind::layer_norm_backward:
    case StreamKind::rms_norm_forward:
    case StreamKind::rms_norm_backward: return norm_stream(kind, shape, arena);
    case StreamKind::softmax_forward:
    case StreamKind::softmax_backward: return softmax_stream(kind, shape, arena);
    case StreamKind::gelu_forward:
    case StreamKind::gelu_backward:
    case StreamKind::swiglu_forward:
    case StreamKind::swiglu_backward:
    case StreamKind::rotary: return activation_stream(kind, shape, arena);
    case StreamKind::dropout_add_forward:
    case StreamKind::dropout_add_backward: return dropout_stream(kind, shape, arena);
    case StreamKind::cross_entropy_forward:
    case StreamKind::cross_entropy_backward:
    case StreamKind::embedding_forward:
    case StreamKind::embedding_backward: return vocabulary_stream(kind, shape, arena);
    case StreamKind::adam:
    case StreamKind::reduction:
    case StreamKind::scale: return optimizer_stream(kind, shape, arena);
    case StreamKind::cast:
    case StreamKind::transpose:
    case StreamKind::memset:
    case StreamKind::copy: return movement_stream(kind, shape, arena);
    case StreamKind::copy_to_device:
    case StreamKind::copy_to_device_pageable:
    case StreamKind::copy_to_host:
    case StreamKind::copy_to_host_pageable: return host_copy_stream(kind, shape, arena);
  }
  throw std::logic_error("a kind of stream without a kernel");
}

}  // namespace rehearse::cuda
