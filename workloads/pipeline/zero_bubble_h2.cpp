// ZB-H2 (Qi et al. 2024, Section 2): more forwards before the first backward fill what was idle at the start as
// well. A stage holds up to 2 p - 1 micro batches, and the bubble is (p - 1)(F + B - 2 W), if each stage may end by
// itself.
#include "workloads/pipeline/rows.hpp"

namespace rehearse {

namespace {

std::vector<std::string> check(const PipelineShape& shape) { return only_one_chunk("zero_bubble_h2", shape); }

PipelineOrder order(const PipelineShape& shape, const PassTimes& /*times*/) { return delayed_weights(shape, 2); }

}  // namespace

const PipelineRow zero_bubble_h2_row{
    .name = "zero_bubble_h2",
    .description = "zero_bubble_h1 with a longer warm-up, in twice the memory of 1F1B (Qi et al. 2024)",
    .check = check,
    .order = order};

}  // namespace rehearse
