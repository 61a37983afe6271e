// A GPU kernel as the cost model sees it: a matrix product, the core of attention, a stream of bytes, or no more than
// how many FLOPs and bytes it has.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "engine/base/table.hpp"
#include "engine/base/units.hpp"

namespace rehearse {

enum class Precision : std::uint8_t { fp32, tf32, fp16, bf16, fp8 };
std::string_view precision_name(Precision p);
/// Throws std::invalid_argument, naming the alternatives.
Precision precision_of_name(std::string_view name);
/// Bytes of one element in memory (tf32 is stored in four).
std::int64_t element_bytes(Precision p);

/// How the operands of C = A B lie in memory, as BLAS names it for column-major matrices. With W the weight (n x k) of
/// a linear layer Y = X W^T: tn is the forward product (k contiguous in both operands), nn the gradient of the input
/// (dX = dY W), nt the gradient of the weight (dW = dY^T X: k is the slow index of both).
enum class Layout : std::uint8_t { tn, nn, nt };
std::string_view layout_name(Layout layout);
/// Throws std::invalid_argument, naming the alternatives.
Layout layout_of_name(std::string_view name);

/// C[b] (m x n) = A[b] (m x k) B[b] (k x n), b < batch. All at least 1.
struct Gemm {
  std::int64_t batch = 1, m = 1, n = 1, k = 1;
  Layout layout = Layout::tn;
  /// 2 batch m n k (the convention of every published FLOP count here).
  [[nodiscard]] Flops flops() const;
  friend bool operator==(const Gemm&, const Gemm&) = default;
};

/// Of the operands and the result, each moved once.
double operand_bytes(Precision precision, const Gemm& gemm);

/// Whether the sizes along which operands and result lie in memory are whole pieces of 16 bytes, which the fast kernels
/// need: n and k of tn and nn, m and n of nt.
bool aligned(Precision precision, const Gemm& gemm);

/// softmax(Q K^T / sqrt(head_dim)) V, without dropout. Q is (batch, heads, seq_q, head_dim), K is (batch, kv_heads,
/// seq_kv, head_dim), V likewise with its own width; kv_heads divides heads (grouped queries). Sizes are at least 1.
/// The last query of a causal kernel sees all keys, each before it one less.
struct Attention {
  std::int64_t batch = 1, heads = 1, kv_heads = 1, seq_q = 1, seq_kv = 1, head_dim = 1;
  bool causal = true;
  bool backward = false;  ///< the gradients of Q, K and V; of a fused kernel with its recomputation of the scores
  bool fused = true;      ///< one kernel that keeps no scores (Dao et al. 2022), else products and a softmax in memory
  std::int64_t value_dim = 0;  ///< of a value and of the result; 0: head_dim, as in all but latent attention
  [[nodiscard]] std::int64_t value_width() const { return value_dim > 0 ? value_dim : head_dim; }
  /// How many products it consists of: two forward; backward four, or five of a fused kernel.
  [[nodiscard]] std::int64_t products() const { return backward ? (fused ? 5 : 4) : 2; }
  /// The sum of their widths: of the scores and of what is made of them head_dim, of the others that of a value.
  [[nodiscard]] std::int64_t products_width() const;
  [[nodiscard]] double mean_width() const;  ///< of one product
  /// Keys that a query sees on average: a fused causal kernel leaves the masked ones out (of seq_q = seq_kv, half).
  [[nodiscard]] std::int64_t keys_seen() const;
  /// Of its products, over the keys seen.
  [[nodiscard]] Flops flops() const;
  friend bool operator==(const Attention&, const Attention&) = default;
};
/// Of Q, K, V and the result, backward with their gradients, each moved once.
double operand_bytes(Precision precision, const Attention& attention);

/// What a memory-bound kernel does. Each has a row with its name and description.
enum class StreamKind : std::uint8_t {
  layer_norm_forward,
  layer_norm_backward,
  rms_norm_forward,
  rms_norm_backward,
  softmax_forward,
  softmax_backward,
  gelu_forward,
  gelu_backward,
  swiglu_forward,
  swiglu_backward,
  rotary,
  dropout_add_forward,
  dropout_add_backward,
  cross_entropy_forward,
  cross_entropy_backward,
  embedding_forward,
  embedding_backward,
  adam,
  reduction,
  scale,
  cast,
  transpose,
  memset,
  copy,
  copy_to_device,
  copy_to_device_pageable,
  copy_to_host,
  copy_to_host_pageable,
};
struct StreamRow {
  std::string_view name;  ///< as in profiles: "layer_norm_forward"
  std::string_view description;
  StreamKind kind;
};
const Table<StreamRow>& stream_table();
std::string_view stream_name(StreamKind kind);
/// Copies between host and device: the bus is their bound, not the device's memory.
bool crosses_host_bus(StreamKind kind);

/// A memory-bound kernel: its time follows the bytes that it reads and writes.
struct Stream {
  StreamKind kind = StreamKind::copy;
  Bytes bytes;
  std::int64_t launches = 1;  ///< where it is not fused: kernels, one after another, that move as much each
  friend bool operator==(const Stream&, const Stream&) = default;
};

/// Work of which only the sizes are known: as fast as a large matrix product or a copy, whichever takes longer.
struct Roofline {
  Flops flops;
  Bytes bytes;
  friend bool operator==(const Roofline&, const Roofline&) = default;
};

/// One kernel (the core of attention may be several launches).
struct Kernel {
  std::string name;
  std::variant<Stream, Gemm, Attention, Roofline> work;
  Precision precision = Precision::fp16;
  /// Of its products, or as a Roofline says; 0 of a stream.
  [[nodiscard]] Flops flops() const;
  /// How many times the host issues something for it.
  [[nodiscard]] std::int64_t launches() const;
};

}  // namespace rehearse
