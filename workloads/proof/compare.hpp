// What the ranks of a proof have at the end, held to the reference. Private to workloads/proof.
#pragma once

#include <vector>

#include "workloads/proof/proof.hpp"
#include "workloads/proof/rank_state.hpp"

namespace rehearse {

/// Loss, gradients (of sharded ones what each rank steps), parameters after the step, norm. Adds errors and faults.
void compare_with_reference(const ProofScene& scene, const std::vector<RankState>& ranks, ProofReport& report);

}  // namespace rehearse
