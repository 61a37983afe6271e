// The reductions of gradients over the data-parallel group, whole or in buckets. Private to workloads.
#pragma once

#include "workloads/transformer.hpp"

namespace rehearse {

/// The reductions of one chunk's gradients, blocking: all_reduce, or reduce_scatter with sharded optimizer states
/// (ZeRO-1; Rajbhandari et al. 2020). Empty without data parallelism.
std::vector<CollectiveStep> gradient_buckets(const Model& model, const Plan& plan, std::int64_t chunk);

/// The backward steps of one chunk with a reduction that does not block after the last kernel that fills each bucket
/// (in the order in which the backward pass produces gradients).
Steps with_gradient_buckets(Steps backward, const Model& model, const Plan& plan, std::int64_t chunk);

/// ZeRO-1: gathers the parameters that each rank of the data group has stepped.
CollectiveStep parameter_gather(const Plan& plan, std::int64_t parameters);

}  // namespace rehearse
