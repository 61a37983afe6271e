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

/// Appends the steps' segments and calls to `program` and returns them in order.
std::vector<SegmentItem> add_segments(const Steps& steps, const Device& device, bool merge, Program& program);

}  // namespace rehearse
