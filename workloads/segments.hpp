// Steps to segments and calls: kernels get their time and are merged between communications. Private to workloads.
#pragma once

#include <map>

#include "workloads/framework.hpp"
#include "workloads/program.hpp"

namespace rehearse {

/// A pass as a template: what an instruction holds beside micro batch and stage.
struct SegmentItem {
  Instruction::Type type = Instruction::Type::compute;
  std::uint32_t index = 0;
  std::int16_t layer = -1;
};

/// What a block of memory costs when it comes and when it goes; it lengthens the part before which it does.
struct BlockCost {
  Seconds make, unmake;
};

struct SegmentOptions {
  bool merge = true;  ///< ProgramOptions::merge_kernels
  BlockCost cost;
  HostIssue host;
  LibraryKernels libraries;
  Seconds before;  ///< the host does something else before the first kernel
};

/// Of Program::blocks, as far as one caller has added them.
using BlockNumbers = std::map<MemoryBlock, std::uint32_t>;

/// Appends the steps' segments and calls to `program`, blocks that have no number yet, and returns them in order.
std::vector<SegmentItem> add_segments(const Steps& steps, const Device& device, const SegmentOptions& options,
                                      BlockNumbers& numbers, Program& program);

}  // namespace rehearse
