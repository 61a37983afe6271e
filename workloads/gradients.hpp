// How gradients are summed over the GPUs that hold the same parameters, whole or in buckets. Private to workloads.
#pragma once

#include "workloads/parameters.hpp"
#include "workloads/steps.hpp"

namespace rehearse {

/// The reductions of one chunk's gradients, blocking: all_reduce over `data`; with sharded optimizer states
/// reduce_scatter over `shard` and, of the shares, all_reduce over `replicate` (Rajbhandari et al. 2020; Zhao et al.
/// 2023 for the latter). Of experts, over those that hold the same ones. Empty without data parallelism.
Steps gradient_reductions(const Model& model, const Plan& plan, std::int64_t chunk);

/// The backward steps of one chunk with a reduction that does not block after the last kernel that fills each bucket
/// (in the order in which the backward pass produces gradients).
Steps with_gradient_buckets(Steps backward, const Model& model, const Plan& plan, std::int64_t chunk);

/// Of `held` parameters, sums that are no matter of data parallelism: of those that every tensor rank has while it sees
/// a share of the tokens; of KV heads that tensor ranks share; of stages that hold the same chunks; of the tied
/// embedding.
Steps other_reductions(const Model& model, const Plan& plan, const HeldParameters& held, std::int64_t stage);

/// Parameters of `held` that one GPU steps.
std::int64_t stepped_parameters(const Plan& plan, const HeldParameters& held);

/// ZeRO-1 and 2: gathers the parameters that each rank has stepped. Empty otherwise.
Steps parameter_gathers(const Plan& plan, const HeldParameters& held);

}  // namespace rehearse
