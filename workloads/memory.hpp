// Memory of a GPU by published formulas.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/units.hpp"
#include "workloads/model.hpp"
#include "workloads/plan.hpp"

namespace rehearse {

/// Bytes that one layer keeps of one micro batch between forward and backward, on one tensor rank, as the plan's
/// recomputation leaves them. Korthikanti et al. 2022, equations 1 to 4 and Section 5, generalised to other widths of
/// attention and MLP, to gates, and to models without dropout.
Bytes layer_activations(const Model& model, const Plan& plan);
/// The same if nothing were recomputed.
Bytes layer_activations_in_full(const Model& model, const Plan& plan);

/// Bytes that one micro batch keeps in each model chunk (index: chunk of plan.chunks()): its layers, the embedding's
/// dropout mask in the first, and the head's norm, input and fp32 logits in the last (Korthikanti et al. 2022, 4.3).
std::vector<Bytes> chunk_activations(const Model& model, const Plan& plan);

struct StageMemory {
  Bytes weights, gradients, optimizer;
  Bytes activations;    ///< at the moment when most are kept
  Bytes recomputation;  ///< one layer's activations while they are made again
  [[nodiscard]] Bytes fixed() const { return weights + gradients + optimizer; }
  [[nodiscard]] Bytes peak() const { return fixed() + activations + recomputation; }
};

/// Memory of one GPU of `stage`. Adam in mixed precision keeps an fp32 weight and two fp32 moments, 12 bytes a
/// parameter, shared over the data group under ZeRO-1 (Rajbhandari et al. 2020, Section 3).
StageMemory stage_memory(const Model& model, const Plan& plan, std::int64_t stage);

}  // namespace rehearse
