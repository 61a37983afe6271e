// What goes to the memory of a node's CPUs and comes back. Private to workloads.
#pragma once

#include "workloads/parameters.hpp"
#include "workloads/steps.hpp"

namespace rehearse {

/// The optimizer's step on the host, where its states are: the GPU's share of the gradients goes there, the CPUs step
/// it, the weights come back (Ren et al. 2021, Section 4; all after the last backward pass).
Steps step_on_host(const Plan& plan, const HeldParameters& held);

/// Forward steps of a chunk after each of whose layers what it keeps goes to the host, beside the next layer; its
/// memory is free when that one is done.
Steps with_activations_to_host(Steps forward, const Model& model, const Plan& plan, std::int64_t chunk);
/// Backward steps (or those that the stage before waits for) with what the first layer needs brought back before it,
/// and that of each other beside the layer that comes before it in the pass.
Steps with_activations_from_host(Steps backward, const Model& model, const Plan& plan, std::int64_t chunk);

}  // namespace rehearse
