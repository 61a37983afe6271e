// The unsharded training step that a plan's sharded one is held to: loss and gradients of a transformer, sample by
// sample and layer by layer, with nothing in it that knows of a plan.
//
// A layer is x + attention(norm(x)), then x + mlp(norm(x)); a norm before the output layer. Dropout keeps everything:
// it draws from random numbers that are no function of the plan. Experts take all tokens that are sent to them
// (capacity is not proved), and there is no loss but the cross entropy (none that balances experts). Rotary positions
// are as in rotate(); of latent attention, only the rotary columns turn.
#pragma once

#include "workloads/model.hpp"
#include "workloads/proof/tensors.hpp"

namespace rehearse {

struct ReferenceRun {
  double loss = 0;         ///< mean cross entropy over all tokens of the batch
  ParameterSet gradients;  ///< of it, by every tensor of the parameters
};

/// A transformer, all its tensors, samples of at most seq_len. std::logic_error where a tensor is missing, or is one
/// that this model has no use for: then names differ from those of workloads/parameters.hpp.
ReferenceRun run_reference(const Model& model, const ParameterSet& parameters, const Batch& batch);
/// The loss alone.
double reference_loss(const Model& model, const ParameterSet& parameters, const Batch& batch);

}  // namespace rehearse
