// The rows of the pipeline table, one file each, and what they share. Private to workloads/pipeline.
#pragma once

#include "workloads/pipeline/schedule.hpp"

namespace rehearse {

extern const PipelineRow gpipe_row;
extern const PipelineRow one_f_one_b_row;
extern const PipelineRow interleaved_row;

/// The check of schedules whose stages hold one chunk.
std::vector<std::string> only_one_chunk(const Plan& plan);

}  // namespace rehearse
