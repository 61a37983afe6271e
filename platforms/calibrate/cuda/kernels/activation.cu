#include "platforms/calibrate/cuda/kernels/layer.hpp"
#include "platforms/calibrate/cuda/kernels/piece.cuh"

namespace rehearse::cuda {
namespace {

constexpr float root = 0.7978845608f, cubic = 0.044715f;  // sqrt(2 / pi)

/// (1 + tanh(u)) / 2 = sigmoid(2 u)
__device__ float gelu_gate(float x) { return sigmoid(2.0f * root * x * (1.0f + cubic * x * x)); }

struct GeluForward {
  using Loaded = uint4;
  const bf16* x;
  bf16* y;
  __device__ uint4 load(std::int64_t i) const { return load_piece(x, i); }
  __device__ void finish(std::int64_t i, uint4 loaded) const {
    Wide<bf16> v(loaded);
#pragma unroll
    for (float& e : v.at) e *= gelu_gate(e);
    store_piece(y, i, v.narrowed());
  }
};

struct TwoPieces {
  uint4 a, b;
};

struct GeluBackward {
  using Loaded = TwoPieces;
  const bf16 *x, *dy;
  bf16* dx;
  __device__ TwoPieces load(std::int64_t i) const { return {load_piece(x, i), load_piece(dy, i)}; }
  __device__ void finish(std::int64_t i, const TwoPieces& loaded) const {
    const Wide<bf16> v(loaded.a);
    Wide<bf16> d(loaded.b);
#pragma unroll
    for (int e = 0; e < 8; ++e) {
      const float at = v.at[e], gate = gelu_gate(at);
      const float slope = 2.0f * root * (1.0f + 3.0f * cubic * at * at);
      d.at[e] *= gate + at * gate * (1.0f - gate) * slope;
    }
    store_piece(dx, i, d.narrowed());
  }
};

/// Piece i of a rows x width matrix, as the piece of gate in rows of 2 width; that of up is `pieces` later.
__device__ std::int64_t gate_piece(std::int64_t i, std::uint32_t pieces) {
  return i + static_cast<std::int64_t>(static_cast<std::uint32_t>(i) / pieces) * pieces;
}

struct SwigluForward {
  using Loaded = TwoPieces;
  const bf16* x;
  bf16* y;
  std::uint32_t pieces;
  __device__ TwoPieces load(std::int64_t i) const {
    const std::int64_t at = gate_piece(i, pieces);
    return {load_piece(x, at), load_piece(x, at + pieces)};
  }
  __device__ void finish(std::int64_t i, const TwoPieces& loaded) const {
    const Wide<bf16> gate(loaded.a);
    Wide<bf16> up(loaded.b);
#pragma unroll
    for (int e = 0; e < 8; ++e) up.at[e] *= gate.at[e] * sigmoid(gate.at[e]);
    store_piece(y, i, up.narrowed());
  }
};

struct ThreePieces {
  uint4 gate, up, dy;
};

struct SwigluBackward {
  using Loaded = ThreePieces;
  const bf16 *x, *dy;
  bf16* dx;
  std::uint32_t pieces;
  __device__ ThreePieces load(std::int64_t i) const {
    const std::int64_t at = gate_piece(i, pieces);
    return {load_piece(x, at), load_piece(x, at + pieces), load_piece(dy, i)};
  }
  __device__ void finish(std::int64_t i, const ThreePieces& loaded) const {
    Wide<bf16> gate(loaded.gate), up(loaded.up);
    const Wide<bf16> d(loaded.dy);
#pragma unroll
    for (int e = 0; e < 8; ++e) {
      const float g = gate.at[e], s = sigmoid(g);
      gate.at[e] = d.at[e] * up.at[e] * s * (1.0f + g * (1.0f - s));
      up.at[e] = d.at[e] * g * s;
    }
    const std::int64_t at = gate_piece(i, pieces);
    store_piece(dx, at, gate.narrowed());
    store_piece(dx, at + pieces, up.narrowed());
  }
};

struct Add {
  using Loaded = TwoPieces;
  const bf16 *a, *b;
  bf16* y;
  __device__ TwoPieces load(std::int64_t i) const { return {load_piece(a, i), load_piece(b, i)}; }
  __device__ void finish(std::int64_t i, const TwoPieces& loaded) const {
    Wide<bf16> v(loaded.a);
    const Wide<bf16> w(loaded.b);
#pragma unroll
    for (int e = 0; e < 8; ++e) v.at[e] += w.at[e];
    store_piece(y, i, v.narrowed());
  }
};

std::int64_t pieces_of(std::int64_t count) {
  need_pieces(count);
  need(count / 8 < (std::int64_t{1} << 32), "too many elements");
  return count / 8;
}

}  // namespace

void gelu_forward(const bf16* x, bf16* y, std::int64_t count, cudaStream_t stream) {
  launch_each<4>(GeluForward{x, y}, pieces_of(count), stream);
}

void gelu_backward(const bf16* x, const bf16* dy, bf16* dx, std::int64_t count, cudaStream_t stream) {
  launch_each<2>(GeluBackward{x, dy, dx}, pieces_of(count), stream);
}

void swiglu_forward(const bf16* x, bf16* y, std::int64_t rows, std::int64_t width, cudaStream_t stream) {
  need_pieces(width);
  const auto pieces = static_cast<std::uint32_t>(width / 8);
  launch_each<2>(SwigluForward{x, y, pieces}, pieces_of(rows * width), stream);
}

void swiglu_backward(const bf16* x, const bf16* dy, bf16* dx, std::int64_t rows, std::int64_t width,
                     cudaStream_t stream) {
  need_pieces(width);
  const auto pieces = static_cast<std::uint32_t>(width / 8);
  launch_each<2>(SwigluBackward{x, dy, dx, pieces}, pieces_of(rows * width), stream);
}

void add(const bf16* a, const bf16* b, bf16* y, std::int64_t count, cudaStream_t stream) {
  launch_each<2>(Add{a, b, y}, pieces_of(count), stream);
}

}  // namespace rehearse::cuda
