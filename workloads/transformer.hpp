// A transformer's model chunks as streams of kernels and collectives, for one GPU of a tensor-parallel group.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/base/units.hpp"
#include "engine/schedule.hpp"
#include "platforms/kernel.hpp"
#include "workloads/collectives/collective.hpp"
#include "workloads/model.hpp"
#include "workloads/plan.hpp"

namespace rehearse {

/// One kernel, and where it belongs.
struct KernelStep {
  Kernel kernel;
  Kind kind = Kind::forward;
  std::int16_t layer = -1;  ///< -1: embedding or head
  const char* block = "";   ///< "attention", "mlp", "embedding", "head", "optimizer"
};

/// A group of GPUs that communicate: of one tensor-parallel shard set, of one data-parallel replica set, or of the
/// first and last stage that share the embedding.
enum class GroupKind : std::uint8_t { tensor, data, embedding };
inline constexpr std::size_t group_kind_count = 3;
std::string_view group_kind_name(GroupKind kind);

/// A collective that the GPU takes part in. It waits for what the GPU did before.
struct CollectiveStep {
  GroupKind group = GroupKind::tensor;
  CollectiveOp op = CollectiveOp::all_reduce;
  std::int64_t elements = 0;  ///< of the full vector
  std::int64_t element_bytes = 2;
  Kind kind = Kind::tensor_comm;
  std::int16_t layer = -1;
  bool blocking = true;  ///< the GPU's next kernel waits for it
};

using Step = std::variant<KernelStep, CollectiveStep>;
using Steps = std::vector<Step>;

/// The kernels and collectives of one micro batch through one model chunk (`chunk` of plan.chunks(), in model order:
/// 0 holds the embedding, the last one the head), on one tensor rank. Narayanan et al. 2021, Section 2.3 (tensor
/// parallelism); Korthikanti et al. 2022 (sequence parallelism, recomputation).
Steps forward_steps(const Model& model, const Plan& plan, std::int64_t chunk);
/// Recomputation (as the plan says) and the gradients of inputs and weights.
Steps backward_steps(const Model& model, const Plan& plan, std::int64_t chunk);
/// Gradient norm, clipping and Adam for `parameters` (Kingma and Ba 2015, mixed precision).
Steps optimizer_steps(const Plan& plan, std::int64_t parameters);

/// FLOPs of matrix products that a model needs for one iteration, forward and backward, without recomputation and with
/// attention counted in full (Narayanan et al. 2021, equation in Section 5.1 without its recomputation term).
Flops model_flops(const Model& model, std::int64_t global_batch);

/// Parameters held by one tensor rank of `chunk`, embedding and head included; the vocabulary is padded to a multiple
/// of 128 * tensor (Megatron-LM).
std::int64_t chunk_parameters(const Model& model, const Plan& plan, std::int64_t chunk);
/// The tensors that these parameters come in: weights and biases of the four linear layers of each layer (the products
/// of queries, keys and values are one, as are the two of a gated MLP), scales and shifts of norms, embeddings.
std::int64_t chunk_tensors(const Model& model, const Plan& plan, std::int64_t chunk);
std::int64_t padded_vocab(const Model& model, const Plan& plan);

}  // namespace rehearse
