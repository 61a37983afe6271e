// The end of an iteration on one GPU: gradient norm, clipping, the optimizer's step. Private to workloads.
#pragma once

#include "workloads/steps.hpp"

namespace rehearse {

/// For `parameters` that this GPU steps. The norm is of all that hold parts of the model: summed over tensor ranks,
/// then stages, then data-parallel ranks where these hold different shards or experts. Adam: Kingma and Ba 2015, in
/// mixed precision (Micikevicius et al. 2018).
Steps optimizer_steps(const Model& model, const Plan& plan, std::int64_t parameters);

/// Bytes of states that the optimizer keeps for each parameter, the fp32 copy of the weights among them.
double optimizer_bytes(const Plan& plan);

}  // namespace rehearse
