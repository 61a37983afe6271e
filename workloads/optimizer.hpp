// The end of an iteration on one GPU: gradient norm, clipping, the optimizer's step. Private to workloads.
#pragma once

#include "workloads/gradients.hpp"
#include "workloads/steps.hpp"

namespace rehearse {

/// For the `parameters` that this GPU steps. The norm is of all that hold parts of the model: summed over tensor ranks,
/// then stages, then data-parallel ranks where these hold different shards or experts. Adam (Kingma and Ba 2015) has
/// two moments; momentum one; sgd none; Adafactor (Shazeer and Stern 2018, Algorithm 5, without momentum) sums of rows
/// and columns instead. Mixed precision as Micikevicius et al. 2018.
Steps optimizer_steps(const Model& model, const Plan& plan, const SteppedParameters& parameters);

/// What the optimizer keeps of these: states, and the fp32 copy of the weights.
Bytes optimizer_bytes(const Plan& plan, const SteppedParameters& parameters);

/// What its step reads and writes in all, clipping left out.
Bytes stepped_bytes(const Plan& plan, const SteppedParameters& parameters);

}  // namespace rehearse
