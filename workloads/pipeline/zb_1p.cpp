// ZB-1p (Qi et al. 2024, Section 3): the automatic schedule where the memory of a stage is that of 1F1B: p micro
// batches.
#include "workloads/pipeline/rows.hpp"

namespace rehearse {

namespace {

std::vector<std::string> check(const PipelineShape& shape) { return only_one_chunk("zb_1p", shape); }

PipelineOrder order(const PipelineShape& shape, const PassTimes& times) { return search_zero_bubble(shape, times, 1); }

}  // namespace

const PipelineRow zb_1p_row{.name = "zb_1p",
                            .description = "zero bubble by search, in the memory of 1F1B (Qi et al. 2024)",
                            .check = check,
                            .order = order,
                            .looks_at_times = true};

}  // namespace rehearse
