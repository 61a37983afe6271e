// KernelScope: one kernel of one pass, with what it may touch. Private to workloads/proof.
#pragma once

#include <string>
#include <string_view>

#include "workloads/proof/rank_state.hpp"

namespace rehearse {

class KernelScope {
 public:
  KernelScope(RankState& state, const PassKey& pass, std::int16_t layer, std::string_view block, Kind kind)
      : state_(state), frame_(state.frame(pass)), pass_(pass), layer_(layer), block_(block), kind_(kind) {}

  [[nodiscard]] RankState& state() const { return state_; }
  [[nodiscard]] Frame& frame() const { return frame_; }
  [[nodiscard]] const RankShape& shape() const { return state_.shape; }
  [[nodiscard]] const Model& model() const { return state_.model(); }
  [[nodiscard]] const PassKey& pass() const { return pass_; }
  [[nodiscard]] std::int16_t layer() const { return layer_; }
  [[nodiscard]] std::string_view block() const { return block_; }
  [[nodiscard]] Kind kind() const { return kind_; }

  /// A tensor of this layer: one that is kept, or that this pass has just made. ProofFault: it is not there.
  [[nodiscard]] const Matrix& read(std::string_view name) const;
  /// Null: it is not there.
  [[nodiscard]] const Matrix* find(std::string_view name) const;
  /// Into its block where this is alive, else loose until the block is made.
  void write(std::string_view name, Matrix value) const;
  /// The block of a name comes into being, with what was just made; or it goes.
  void make(std::string_view name) const;
  void unmake(std::string_view name) const;

  [[nodiscard]] bool has_parameter(std::string_view name, std::int64_t expert = no_expert) const;
  /// Null: the model has no such tensor. ProofFault: it is sharded, and not gathered.
  [[nodiscard]] const Matrix* find_parameter(std::string_view name, std::int64_t expert = no_expert) const;
  [[nodiscard]] const Matrix& parameter(std::string_view name, std::int64_t expert = no_expert) const;
  void add_gradient(std::string_view name, const Matrix& gradient, std::int64_t expert = no_expert) const;

  /// The residual stream; and its gradient, which is also what enters the region before.
  [[nodiscard]] const Matrix& stream() const;
  void set_stream(Matrix value) const;
  [[nodiscard]] const Matrix& gradient() const;
  void set_gradient(Matrix value) const;
  /// What left a region, of this rank's tokens.
  [[nodiscard]] Matrix from_region() const;

 private:
  [[nodiscard]] BlockKey key(std::string_view name) const;
  [[nodiscard]] GradientBuffer& buffer(std::int64_t expert) const;

  RankState& state_;
  Frame& frame_;
  PassKey pass_;
  std::int16_t layer_;
  std::string_view block_;
  Kind kind_;
};

/// ProofFault unless there are so many rows.
void expect_rows(const Matrix& value, std::int64_t rows, std::string_view what);

/// The kernels of a block; ProofFault: it has none of this name.
void run_embedding_kernel(const KernelScope& k, std::string_view name);
void run_head_kernel(const KernelScope& k, std::string_view name);
void run_attention_kernel(const KernelScope& k, std::string_view name);
void run_mlp_kernel(const KernelScope& k, std::string_view name);
void run_experts_kernel(const KernelScope& k, std::string_view name);
void run_optimizer_kernel(RankState& state, std::string_view name);
/// The optimizer's step on the host (workloads/offload.hpp): gradients there, the step, parameters back.
void run_host_step(RankState& state, HostWay way);
[[noreturn]] void unknown_kernel(std::string_view block, std::string_view name);

/// The names of a linear layer's tensors. `input` of a row-parallel one is a share of columns, and the gradient of its
/// output comes from the region.
struct LinearNames {
  std::string_view name, weight, bias;  ///< "ffn 1", "ffn 1 weight", "ffn 1 bias"
  bool row_parallel = false;
  bool whole = false;  ///< neither column- nor row-parallel: every rank has all of it, for its own tokens
  std::string_view input, output, output_gradient, input_gradient;
};
/// Whether the kernel is one of the layer's (workloads/layers/linear.cpp), which is then carried out.
bool run_linear_kernel(const KernelScope& k, const LinearNames& linear, std::string_view kernel);

/// Names of a norm: its tensors, its parameters.
struct NormNames {
  std::string_view input, output, parameter;
};
void run_norm(const KernelScope& k, const NormNames& names);
/// Gives the gradient of the norm's input from what left the region.
Matrix run_norm_gradient(const KernelScope& k, const NormNames& names);
/// What the halves of a layer have in common: norm and residual. Whether it was such a kernel.
bool run_half_kernel(const KernelScope& k, const NormNames& norm, std::string_view bias, std::string_view kernel);

}  // namespace rehearse
