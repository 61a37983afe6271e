// Memory of a GPU: what is there all the time, and what passes use as the program has it.
#pragma once

#include <array>
#include <cstdint>

#include "engine/base/units.hpp"
#include "workloads/program.hpp"

namespace rehearse {

struct StageMemory {
  Bytes weights, gradients, optimizer;
  Bytes host;                                ///< in the memory of the node's CPUs, the most at a time; in no sum
  std::array<Bytes, memory_use_count> used;  ///< by MemoryUse, at the moment when most is in use
  [[nodiscard]] Bytes fixed() const { return weights + gradients + optimizer; }
  [[nodiscard]] Bytes of(MemoryUse use) const { return used[static_cast<std::size_t>(use)]; }
  [[nodiscard]] Bytes peak() const;
};

/// What is there all the time on a GPU of a stage: weights, gradients, optimizer states, as zero shards them
/// (Rajbhandari et al. 2020, Section 3 and Figure 1).
StageMemory fixed_memory(const Model& model, const Plan& plan, std::int64_t stage);

/// With what the passes of a role use.
StageMemory stage_memory(const Job& job, const Program& program, const Role& role, std::uint32_t role_number);

/// Bytes of a use that are left when the steps are done: of forward steps and `activations`, what one micro batch
/// keeps.
Bytes bytes_left(const Steps& steps, MemoryUse use);

}  // namespace rehearse
