// Parameters that are gathered for a pass, unit by unit, and gradients that are reduced as they are complete: ZeRO-3
// (Rajbhandari et al. 2020, Section 7.2), FSDP (Zhao et al. 2023, arXiv 2304.11277). Private to workloads.
#pragma once

#include "workloads/parameters.hpp"
#include "workloads/steps.hpp"

namespace rehearse {

/// What of a chunk is gathered and freed together: a layer, the embedding, the head.
struct ShardedUnit {
  std::int16_t layer = -1;       ///< -1: embedding or head
  std::string_view block;        ///< of these: which
  HeldParameters parameters;     ///< that its kernels need
  HeldParameters gradients;      ///< complete after its last backward kernel
  std::int32_t begins_too = -1;  ///< another unit whose gradients begin with this one's: of a tied embedding
};

/// In the order of the model; layers without parameters are in none.
std::vector<ShardedUnit> sharded_units(const Model& model, const Plan& plan, std::int64_t chunk);

/// What a pass has to do with sharded parameters.
struct ShardedPass {
  bool gathers = true;  ///< they are not there yet
  bool frees = true;    ///< nobody needs them after
  bool reduces = true;  ///< it makes gradients, which no later micro batch adds to (or which are summed each time)
};

/// The steps of a pass with its units' gathers, reductions and memory. A unit's parameters are gathered before its
/// first kernel, those of the next plan.prefetch units from then on beside it, and go after its last kernel, unless
/// they are among the next ones. A pass may come to a unit twice, as where layers are recomputed together. A unit's
/// gradients are reduced beside the kernels of the next one; that is waited for before the next reduction starts, and
/// at the end of the pass.
Steps with_sharded_units(Steps steps, const Model& model, const Plan& plan, std::int64_t chunk,
                         const ShardedPass& pass);

}  // namespace rehearse
