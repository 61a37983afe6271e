// Plan: how a model is spread over GPUs and in which order its work is done.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/document.hpp"
#include "engine/base/units.hpp"
#include "platforms/kernel.hpp"
#include "workloads/model.hpp"
#include "workloads/pipeline/schedule.hpp"

namespace rehearse {

/// `unfused`: matrix products and a softmax that pass through memory; `flash`: one kernel (Dao et al. 2022).
enum class AttentionKind : std::uint8_t { unfused, flash };
enum class Recompute : std::uint8_t { none, selective, full };
/// How layers are dealt out to the chunks of a pipeline: as many to each; so that the fullest has as few FLOPs as
/// possible, embedding and head counted; as a list says.
enum class StageSplit : std::uint8_t { even, balanced, listed };
/// Keys and values of context-parallel ranks: passed round in a ring, block by block, beside the products (Liu et al.
/// 2023); gathered before (Llama 3, arXiv 2407.21783, Section 3.3.2).
enum class ContextExchange : std::uint8_t { ring, all_gather };
enum class Optimizer : std::uint8_t { adam, sgd, momentum, adafactor };

/// Which kernels a framework has for what memory is the bound of.
struct FusedKernels {
  /// Scale, mask and softmax are one where micro batch x heads of a GPU is a multiple of this; 0: never.
  std::int64_t softmax = 1;
};

struct Plan {
  std::int64_t tensor = 1, pipeline = 1, data = 1;
  std::int64_t context = 1;  ///< ranks that share each sequence
  std::int64_t expert = 1;   ///< of data x context, so many ranks share the experts of a layer
  std::int64_t micro_batch = 1;
  std::int64_t global_batch = 1;

  std::string schedule = "1f1b";    ///< a row of pipeline_table()
  std::int64_t virtual_stages = 1;  ///< model chunks a GPU
  StageSplit stages = StageSplit::even;
  std::vector<std::int64_t> stage_layers;  ///< of `listed`: layers of each model chunk
  bool overlap_p2p = false;                ///< a sender goes on computing while its activations travel
  bool scatter_gather = true;  ///< tensor ranks each send a share and gather it (Narayanan et al. 2021, 4.1)

  bool sequence_parallel = false;   ///< Korthikanti et al. 2022
  std::int64_t tensor_overlap = 1;  ///< pieces in which a product and the collective beside it run side by side
  /// The reduction of an input's gradient runs beside the gradient of the weight (Megatron-LM since 2022).
  bool overlap_weight_gradient = false;
  /// Shared experts work while tokens, or gradients, are on their way to the others.
  bool overlap_shared_experts = false;
  ContextExchange context_exchange = ContextExchange::ring;

  /// Sharded over the data-parallel (and context-parallel) ranks: 1: optimizer states, 2: and gradients, 3: and
  /// parameters (Rajbhandari et al. 2020; 3 is FSDP's FULL_SHARD, Zhao et al. 2023).
  std::int64_t zero = 0;
  std::int64_t shard = 0;             ///< ranks to shard over, replicated across the others; 0: all
  bool reshard_after_forward = true;  ///< zero 3: parameters are gathered again for the backward pass
  std::int64_t prefetch = 1;          ///< zero 3: layers (embedding, head) gathered ahead of the one that computes
  /// Gradients are reduced after every micro batch (as sharded ones must be to save memory), or after the last.
  bool reduce_every_micro_batch = false;
  bool overlap_grad_reduce = false;  ///< reduce a bucket as soon as its layers' last backward is done
  Bytes bucket_size;                 ///< of gradients; 0: one bucket a model chunk

  Recompute recompute = Recompute::none;
  std::int64_t recompute_interval = 1;  ///< full: layers from one kept input to the next
  std::int64_t recompute_layers = 0;    ///< the first so many layers of each chunk; 0: all

  AttentionKind attention = AttentionKind::unfused;
  Precision precision = Precision::bf16;           ///< of weights, activations and matrix products
  Precision gradient_precision = Precision::fp32;  ///< of the gradient buffer and its reduction
  Optimizer optimizer = Optimizer::adam;
  Precision optimizer_precision = Precision::fp32;  ///< of its states
  bool master_weights = true;                       ///< an fp32 copy of the weights, where precision is less
  bool clip_gradients = true;                       ///< by their norm, over all GPUs that hold parts of the model
  /// Stages step before the norm of all is there, and undo it in the rare case that clipping or an overflow asks for it
  /// (Qi et al. 2024, Section 5.1): stages need not wait for each other between iterations.
  bool post_validation = false;
  bool offload_optimizer = false;     ///< states and step on the host (Ren et al. 2021)
  bool offload_activations = false;   ///< kept on the host from forward to backward
  std::string allocator = "caching";  ///< a row of allocator_table()
  FusedKernels kernels;               ///< of the framework; not a key of the plan

  [[nodiscard]] std::int64_t gpus() const { return tensor * context * pipeline * data; }
  [[nodiscard]] std::int64_t micro_batches() const { return global_batch / (micro_batch * data); }
  /// GPUs with the same dense parameters (before ZeRO), over which gradients are summed.
  [[nodiscard]] std::int64_t replicas() const { return data * context; }
  /// Those over which `zero` shards.
  [[nodiscard]] std::int64_t shards() const { return zero == 0 ? 1 : shard > 0 ? shard : replicas(); }
  [[nodiscard]] PipelineShape shape() const {
    return {static_cast<std::int32_t>(pipeline), static_cast<std::int32_t>(virtual_stages),
            static_cast<std::int32_t>(micro_batches())};
  }
  [[nodiscard]] const PipelineRow& pipeline_row() const { return *pipeline_table().find(schedule); }
  /// Chunks that the model is cut into.
  [[nodiscard]] std::int64_t chunks() const { return model_chunks(pipeline_row().layout, shape()); }
};

/// The layers of a chunk: [first, last).
struct LayerRange {
  std::int64_t first, last;
};
LayerRange layers_of(const Model& model, const Plan& plan, std::int64_t chunk);

/// Read a plan for `gpus` GPUs. `data` may be left out: it is what remains. Faults are noted on the reader.
Plan read_plan(Reader& reader, std::int64_t gpus);
Value to_value(const Plan& plan);
std::string_view recompute_name(Recompute recompute);
std::string_view optimizer_name(Optimizer optimizer);

/// Why a plan cannot run, by key; not an error of the program nor of the file's form.
struct PlanFault {
  std::string key_path;  ///< "plan.tensor"
  std::string message;
};

/// What keeps `plan` from running `model` on `gpus` GPUs; empty: nothing (memory is judged elsewhere).
std::vector<PlanFault> check_plan(const Model& model, const Plan& plan, std::int64_t gpus);

}  // namespace rehearse
