// Steps to segments and calls: kernels get their time and are merged between communications. Private to workloads.
#pragma once

#include "workloads/program.hpp"

namespace rehearse {

/// A pass as a template: what an instruction holds beside micro batch and stage.
struct SegmentItem {
  Instruction::Type type = Instruction::Type::compute;
  std::uint32_t index = 0;
  std::int16_t layer = -1;
};

/// What a block of memory costs when it comes and when it goes; where it costs nothing it goes with what the GPU does.
struct BlockCost {
  Seconds make, unmake;
};

/// Appends the steps' segments and calls to `program` and returns them in order. What blocks cost lengthens the part
/// before which they come or go.
std::vector<SegmentItem> add_segments(const Steps& steps, const Device& device, bool merge, const BlockCost& cost,
                                      Program& program);

}  // namespace rehearse
