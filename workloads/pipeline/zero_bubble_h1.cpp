// ZB-H1 (Qi et al. 2024, Section 2): 1F1B whose gradients of weights fill what was idle at the end; no stage holds
// more than the first one of 1F1B, and the bubble is (p - 1)(F + B - W).
#include "workloads/pipeline/rows.hpp"

namespace rehearse {

namespace {

std::vector<std::string> check(const PipelineShape& shape) { return only_one_chunk("zero_bubble_h1", shape); }

PipelineOrder order(const PipelineShape& shape, const PassTimes& /*times*/) { return delayed_weights(shape, 1); }

}  // namespace

const PipelineRow zero_bubble_h1_row{
    .name = "zero_bubble_h1",
    .description = "1F1B with the gradients of weights delayed, in the memory of 1F1B (Qi et al. 2024)",
    .check = check,
    .order = order};

}  // namespace rehearse
