#include "platforms/calibrate/cuda/kernels/layer.hpp"
#include "platforms/calibrate/cuda/kernels/softmax.hpp"
#include "platforms/calibrate/cuda/kernels/training.hpp"
#include "platforms/calibrate/cuda/stream_sets.hpp"

namespace rehearse::cuda {
namespace {

constexpr std::int64_t head_dim = 128, seq = 2048;  // of rotary positions
constexpr std::uint64_t dropout_seed = 7;

bf16* shared_weights(std::int64_t count, Arena& arena) {
  bf16* const weights = arena.take<bf16>(static_cast<std::size_t>(count));
  fill_normal(weights, static_cast<std::size_t>(count), Precision::bf16, 1.0, 1);
  return weights;
}

Work norm_forward_stream(NormKind kind, const StreamShape& s, Arena& arena) {
  const bf16* const gamma = shared_weights(s.width, arena);
  const bf16* const beta = shared_weights(s.width, arena);
  Sets sets(s, 4, arena);
  const auto x = sets.normal<bf16>(s.rows * s.width);
  const auto y = sets.empty<bf16>(s.rows * s.width);
  const auto mean = sets.empty<float>(s.rows), rstd = sets.empty<float>(s.rows);
  return sets.work([=](cudaStream_t stream, int i) {
    norm_forward(kind, x.of(i), gamma, beta, y.of(i), mean.of(i), rstd.of(i), s.rows, s.width, stream);
  });
}

/// The statistics are made here, as training's forward pass would have left them.
Work norm_backward_stream(NormKind kind, const StreamShape& s, Arena& arena) {
  const bf16* const gamma = shared_weights(s.width, arena);
  bf16* const dgamma = arena.take<bf16>(static_cast<std::size_t>(s.width));
  bf16* const dbeta = arena.take<bf16>(static_cast<std::size_t>(s.width));
  float* const partials = arena.take<float>(norm_partials(s.rows, s.width));
  Sets sets(s, 8, arena);
  const auto x = sets.normal<bf16>(s.rows * s.width), dy = sets.normal<bf16>(s.rows * s.width);
  const auto residual = sets.normal<bf16>(s.rows * s.width), dx = sets.empty<bf16>(s.rows * s.width);
  const auto mean = sets.empty<float>(s.rows), rstd = sets.empty<float>(s.rows);
  for (int i = 0; i < sets.count(); ++i)
    norm_forward(kind, x.of(i), gamma, gamma, dx.of(i), mean.of(i), rstd.of(i), s.rows, s.width, nullptr);
  REHEARSE_CUDA(cudaStreamSynchronize(nullptr));
  return sets.work([=](cudaStream_t stream, int i) {
    norm_backward(kind, dy.of(i), x.of(i), gamma, mean.of(i), rstd.of(i), residual.of(i), dx.of(i), dgamma, dbeta,
                  partials, s.rows, s.width, stream);
  });
}

Work swiglu_stream(bool backward, const StreamShape& s, Arena& arena) {
  const std::int64_t count = s.rows * s.width;
  Sets sets(s, backward ? 10 : 6, arena);
  const auto x = sets.normal<bf16>(2 * count);
  if (!backward) {
    const auto y = sets.empty<bf16>(count);
    return sets.work([=](cudaStream_t stream, int i) { swiglu_forward(x.of(i), y.of(i), s.rows, s.width, stream); });
  }
  const auto dy = sets.normal<bf16>(count), dx = sets.empty<bf16>(2 * count);
  return sets.work(
      [=](cudaStream_t stream, int i) { swiglu_backward(x.of(i), dy.of(i), dx.of(i), s.rows, s.width, stream); });
}

Work gelu_stream(bool backward, const StreamShape& s, Arena& arena) {
  const std::int64_t count = s.rows * s.width;
  Sets sets(s, backward ? 6 : 4, arena);
  const auto x = sets.normal<bf16>(count);
  if (!backward) {
    const auto y = sets.empty<bf16>(count);
    return sets.work([=](cudaStream_t stream, int i) { gelu_forward(x.of(i), y.of(i), count, stream); });
  }
  const auto dy = sets.normal<bf16>(count), dx = sets.empty<bf16>(count);
  return sets.work([=](cudaStream_t stream, int i) { gelu_backward(x.of(i), dy.of(i), dx.of(i), count, stream); });
}

/// In place; turning does not change how large numbers are.
Work rotary_stream(const StreamShape& s, Arena& arena) {
  Sets sets(s, 2, arena);
  const auto x = sets.normal<bf16>(s.rows * s.width);
  return sets.work([=](cudaStream_t stream, int i) {
    rotary(x.of(i), s.rows, s.width / head_dim, head_dim, s.width, seq, 1.0f, stream);
  });
}

}  // namespace

Work norm_stream(StreamKind kind, const StreamShape& shape, Arena& arena) {
  const bool is_layer = kind == StreamKind::layer_norm_forward || kind == StreamKind::layer_norm_backward;
  const bool forward = kind == StreamKind::layer_norm_forward || kind == StreamKind::rms_norm_forward;
  const NormKind norm = is_layer ? NormKind::layer : NormKind::rms;
  return forward ? norm_forward_stream(norm, shape, arena) : norm_backward_stream(norm, shape, arena);
}

Work softmax_stream(StreamKind kind, const StreamShape& s, Arena& arena) {
  const std::int64_t count = s.rows * s.width;
  if (kind == StreamKind::softmax_forward) {
    Sets sets(s, 4, arena);
    const auto x = sets.normal<bf16>(count), p = sets.empty<bf16>(count);
    return sets.work([=](cudaStream_t stream, int i) {
      softmax_forward<bf16>(x.of(i), p.of(i), s.rows, s.width, true, s.width, 1.0f, stream);
    });
  }
  Sets sets(s, 6, arena);
  const auto p = sets.normal<bf16>(count, 1e-3), dp = sets.normal<bf16>(count), ds = sets.empty<bf16>(count);
  return sets.work([=](cudaStream_t stream, int i) {
    softmax_backward<bf16>(p.of(i), dp.of(i), ds.of(i), s.rows, s.width, 1.0f, stream);
  });
}

Work activation_stream(StreamKind kind, const StreamShape& shape, Arena& arena) {
  if (kind == StreamKind::rotary) return rotary_stream(shape, arena);
  if (kind == StreamKind::gelu_forward || kind == StreamKind::gelu_backward)
    return gelu_stream(kind == StreamKind::gelu_backward, shape, arena);
  return swiglu_stream(kind == StreamKind::swiglu_backward, shape, arena);
}

Work dropout_stream(StreamKind kind, const StreamShape& s, Arena& arena) {
  const std::int64_t count = s.rows * s.width;
  if (kind == StreamKind::dropout_add_forward) {
    Sets sets(s, 7, arena);
    const auto x = sets.normal<bf16>(count), residual = sets.normal<bf16>(count), y = sets.empty<bf16>(count);
    const auto mask = sets.empty<std::uint8_t>(count);
    return sets.work([=](cudaStream_t stream, int i) {
      dropout_add_forward(x.of(i), residual.of(i), y.of(i), mask.of(i), count, dropout_seed, stream);
    });
  }
  Sets sets(s, 5, arena);
  const auto dy = sets.normal<bf16>(count), dx = sets.empty<bf16>(count);
  const auto mask = sets.mask(count);
  return sets.work(
      [=](cudaStream_t stream, int i) { dropout_add_backward(dy.of(i), mask.of(i), dx.of(i), count, stream); });
}

}  // namespace rehearse::cuda
