// Memory of a GPU: what is there all the time, what passes use as the program has it, and what libraries take beside.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/units.hpp"
#include "workloads/memory/allocator.hpp"
#include "workloads/program.hpp"

namespace rehearse {

/// Where in a role's program most is in use.
struct PeakMoment {
  Kind kind = Kind::other;  ///< of the kernel that comes next
  std::int16_t layer = -1;  ///< -1: embedding or head, or none
  std::int32_t micro_batch = -1;
};

/// A block that is there at that moment.
struct LiveBlock {
  MemoryBlock block;
  std::int32_t micro_batch = -1;
  Bytes bytes;
};

/// Of the GPUs of a role. The first parts are as papers count them; what makes a program need more is in the others.
struct StageMemory {
  Bytes weights, gradients, optimizer;
  Bytes host;                                  ///< in the memory of the node's CPUs, the most at a time; in no sum
  std::array<Bytes, memory_use_count> used{};  ///< by MemoryUse, at the moment when most is in use
  Bytes communication;  ///< buffers of communicators: of each kind of group called, and of messages between stages
  Bytes framework;      ///< Device::context_memory
  Bytes fragmentation;  ///< what the allocator has taken from the device at most, beyond the most in use
  PeakMoment at;
  std::vector<LiveBlock> largest;  ///< of those at that moment, at most `most_largest`, largest first
  DeviceCalls calls;               ///< of the allocator, in an iteration that is not the first
  [[nodiscard]] Bytes fixed() const { return weights + gradients + optimizer; }
  [[nodiscard]] Bytes of(MemoryUse use) const { return used[static_cast<std::size_t>(use)]; }
  /// Of tensors: fixed and used.
  [[nodiscard]] Bytes in_use() const;
  /// What must fit into the device's memory.
  [[nodiscard]] Bytes peak() const { return in_use() + communication + framework + fragmentation; }
  static constexpr std::size_t most_largest = 5;
};

/// What is there all the time on a GPU of a stage: weights, gradients, optimizer states, as zero shards them
/// (Rajbhandari et al. 2020, Section 3 and Figure 1); states that are offloaded are not.
StageMemory fixed_memory(const Model& model, const Plan& plan, std::int64_t stage);

/// With all that a role's program uses on GPUs of `group`. The plan's allocator hands out weights and states, then
/// carries out two iterations; the second is what counts. It may take as much as it likes; only where that is more than
/// the device has, and it then gets along within the device by giving back what it had cached, is that what counts.
StageMemory stage_memory(const Job& job, const Program& program, const Role& role, std::uint32_t role_number,
                         const NodeGroup& group);

/// Bytes of a use that are left when the steps are done: of forward steps and `activations`, what one micro batch
/// keeps.
Bytes bytes_left(const Steps& steps, MemoryUse use);

}  // namespace rehearse
