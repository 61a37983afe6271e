// How gradients are summed over the GPUs that hold the same parameters, whole or in buckets. Private to workloads.
#pragma once

#include "workloads/parameters.hpp"
#include "workloads/steps.hpp"

namespace rehearse {

/// Experts, or all other parameters: who holds the same ones, and over whom they are sharded.
struct ParameterFamily {
  GroupKind all, shard, replicate;
  std::int64_t ranks = 1, shards = 1;
  Operand operand;     ///< their gradients
  Operand parameters;  ///< themselves
};
ParameterFamily dense_family(const Plan& plan);
ParameterFamily expert_family(const Plan& plan);

/// The layer that a step says it is of; -1: none.
std::int16_t layer_of(const Step& step);
/// A kernel or a collective.
bool is_work(const Step& step);
/// A number that no collective of the pass has, nor any after it.
std::int32_t first_free_handle(const Steps& steps);

/// Appends the sum of `elements` of gradients: all_reduce, or reduce_scatter and, of the shares, all_reduce over those
/// with the same one. Beside what follows unless it blocks; then the handle of the first is returned, taken from
/// `handles`. -1: it blocks, or there is nobody to sum with.
std::int32_t add_reduction(const Plan& plan, const ParameterFamily& family, std::int64_t elements, bool blocking,
                           std::int32_t& handles, Steps& steps);

/// The reductions of one chunk's gradients, blocking: all_reduce over `data`; with sharded optimizer states
/// reduce_scatter over `shard` and, of the shares, all_reduce over `replicate` (Rajbhandari et al. 2020; Zhao et al.
/// 2023 for the latter). Of experts, over those that hold the same ones. Empty without data parallelism.
Steps gradient_reductions(const Model& model, const Plan& plan, std::int64_t chunk);

/// The backward steps of one chunk with a reduction after the last kernel that fills each bucket (in the order in which
/// the backward pass produces gradients), beside what follows where the plan overlaps. Of gradients that are sharded
/// from micro batch to micro batch a bucket is what there is in full size.
Steps with_gradient_buckets(Steps backward, const Model& model, const Plan& plan, std::int64_t chunk);

/// Of `held` parameters, sums that are no matter of data parallelism: of those that every tensor rank has while it sees
/// a share of the tokens; of KV heads that tensor ranks share; of stages that hold the same chunks; of the tied
/// embedding.
Steps other_reductions(const Model& model, const Plan& plan, const HeldParameters& held, std::int64_t stage);

/// Of `held`, what one GPU steps: a share of each family. What is dealt out is stepped where it is used, by the kernels
/// of its layer, row by row.
struct SteppedParameters {
  std::int64_t elements = 0;
  std::int64_t factors = 0;  ///< HeldParameters::dense_factors and the others
};
SteppedParameters stepped_parameters(const Plan& plan, const HeldParameters& held);

/// ZeRO-1 and 2: gathers the parameters that each rank has stepped. Empty otherwise.
Steps parameter_gathers(const Plan& plan, const HeldParameters& held);

}  // namespace rehearse
