// Steps: what one GPU does for a pass through a model chunk, before kernels have times and collectives have messages.
#pragma once

#include <cstdint>
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

/// GPUs that communicate. Each kind cuts the ranks of a job into groups.
enum class GroupKind : std::uint8_t {
  tensor,        ///< shards of the same layers and tokens
  context,       ///< shards of the same sequences
  expert,        ///< that share the experts of a layer between them
  data,          ///< with the same dense parameters: data x context
  expert_data,   ///< of those, with the same experts
  shard,         ///< of those of `data`, over which zero shards
  replicate,     ///< and those with the same shard
  shared_heads,  ///< tensor ranks with the same KV heads, where there are fewer of these than ranks
  mirror,        ///< two stages of a bidirectional pipeline that hold the same model chunks
  embedding,     ///< first and last stage, where they share the embedding
  stages         ///< the stages of one pipeline
};
inline constexpr std::size_t group_kind_count = 11;
std::string_view group_kind_name(GroupKind kind);

/// What a collective works on, for those who carry a program out on numbers.
enum class Operand : std::uint8_t {
  activations,   ///< the residual stream, or its gradient in a backward pass
  region,        ///< what a tensor-parallel region takes or gives, or its gradient
  region_input,  ///< what it took, once more, for the gradient of a weight
  rotary_key,    ///< of latent attention: what all heads share of a key, or its gradient
  loss_maximum,  ///< of the logits of each token
  loss_sum,      ///< of their exponentials
  loss_target,   ///< the logit of the right token
  keys_values,   ///< of attention, for context parallelism, or their gradients
  dispatch,      ///< tokens to experts, or gradients of what they gave
  combine,       ///< what experts gave back to tokens, or gradients of tokens
  expert_rows,   ///< what a region of experts takes or gives: rows of tokens that came to them, or gradients
  exchange,      ///< outputs of layers that are dealt out (LayerWork), or their gradients
  gradients,     ///< of dense parameters
  expert_gradients,
  replicated_gradients,  ///< HeldParameters::replicated
  shared_head_gradients,
  embedding_gradients,
  parameters,  ///< dense ones, gathered from their shards
  expert_parameters,
  gradient_norm
};

/// One kernel, and where it belongs.
struct KernelStep {
  Kernel kernel;
  Kind kind = Kind::forward;
  std::int16_t layer = -1;  ///< -1: embedding or head
  std::string_view block;   ///< "attention", "mlp", "embedding", "head", "optimizer"
  bool of_weight = false;   ///< backward: the gradient of a weight, which nothing but the optimizer waits for
};

/// A collective that the GPU takes part in. It starts when the GPU has done what stands before it.
struct CollectiveStep {
  GroupKind group = GroupKind::tensor;
  CollectiveOp op = CollectiveOp::all_reduce;
  std::int64_t elements = 0;  ///< of the full vector
  std::int64_t element_bytes = 2;
  Kind kind = Kind::tensor_comm;
  std::int16_t layer = -1;
  std::string_view block;    ///< as KernelStep::block
  bool blocking = true;      ///< the GPU's next kernel waits for it
  std::int32_t handle = -1;  ///< of one that does not block: what a WaitStep of the same pass names; -1: none does
  std::int32_t after = -1;   ///< it starts when the collective with this handle has ended, too; -1: none
  Operand operand = Operand::activations;
  bool of_weight = false;
  Seconds before;  ///< spent by each member before the first message, beside what computes
};

/// Waits for a collective or a copy of the same pass that did not block.
struct WaitStep {
  std::int32_t handle = 0;
  bool of_weight = false;
};

/// What memory is for. Weights, gradients and optimizer states are there all the time (StageMemory).
enum class MemoryUse : std::uint8_t {
  activations,    ///< kept from forward to backward
  recomputation,  ///< made once more in the backward pass
  workspace,      ///< between two kernels; gradients of activations
  gathered        ///< parameters and gradients of a layer that is sharded otherwise; pieces that collectives bring
};
inline constexpr std::size_t memory_use_count = 4;
std::string_view memory_use_name(MemoryUse use);

/// A block of memory comes into being (bytes > 0) or goes. A block is (micro batch, layer, name), or one for all micro
/// batches: parameters that stay gathered (Plan::reshard_after_forward) come with one and may go with a later one.
struct MemoryStep {
  std::string_view name;
  std::int16_t layer = -1;
  Bytes bytes;
  MemoryUse use = MemoryUse::activations;
  bool of_weight = false;
  bool of_all = false;  ///< one for all micro batches
};

/// From the GPU's memory to that of its node's CPUs, back, or what the CPUs read and write there.
enum class HostWay : std::uint8_t { to_host, from_host, on_host };
inline constexpr std::size_t host_way_count = 3;

/// Bytes that go to the host's memory or come from it, over the GPU's PCIe link, or that its CPUs work on. Those of one
/// way go one after another.
struct HostStep {
  HostWay way = HostWay::to_host;
  std::string_view name;
  Bytes bytes;
  Bytes kept;  ///< so much more is in the host's memory after
  std::int16_t layer = -1;
  bool blocking = true;      ///< as of a CollectiveStep
  std::int32_t handle = -1;  ///< likewise
  bool of_weight = false;
};

using Step = std::variant<KernelStep, CollectiveStep, WaitStep, MemoryStep, HostStep>;
using Steps = std::vector<Step>;

/// The steps of one micro batch through one model chunk (`chunk` of plan.chunks(), in model order: 0 holds the
/// embedding, the last one the head), on one GPU. Narayanan et al. 2021, Section 2.3 (tensor parallelism); Korthikanti
/// et al. 2022 (sequence parallelism, recomputation). Names are views of constants and of `model`, which must live on.
Steps forward_steps(const Model& model, const Plan& plan, std::int64_t chunk);
/// Recomputation (as the plan says) and the gradients of inputs and weights.
Steps backward_steps(const Model& model, const Plan& plan, std::int64_t chunk);
/// Of backward_steps, those of a phase: all; those that the stage before waits for; gradients of weights.
Steps of_phase(Steps backward, Phase phase);

/// Elements that one micro batch hands from a chunk to the next, on all tensor ranks of a context rank together.
std::int64_t boundary_elements(const Model& model, const Plan& plan, std::int64_t chunk);

}  // namespace rehearse
