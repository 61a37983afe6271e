// What the files of the grid share. Private to platforms/calibrate.
#pragma once

#include <string>
#include <vector>

#include "platforms/calibrate/calibrate.hpp"

namespace rehearse {

/// Ranks: a coarse skeleton of each family (which alone makes a usable profile), then finer and wider. A quick grid has
/// the first two.
inline constexpr int skeleton = 0, main_sizes = 1, finer = 2, model_sizes = 3, wider = 4;

void add_case(std::vector<Case>& cases, const std::string& family, const decltype(Kernel::work)& work,
              Precision precision, int rank);

/// Each adds the cases of a precision or of all streams; duplicates and cases too large are for the caller to drop.
void add_gemm_cases(Precision precision, std::vector<Case>& cases);
void add_attention_cases(const std::vector<Precision>& chosen, std::vector<Case>& cases);
void add_stream_cases(const Machine& machine, std::vector<Case>& cases);

/// Precisions of products and attention: those asked for, or bf16, fp8, fp16 and tf32, that the machine has.
std::vector<Precision> chosen_precisions(const Machine& machine, const CalibrationOptions& options);

/// Roughly what a kernel takes: to bound what a case costs.
Seconds expected_time(const Machine& machine, const Kernel& kernel);
/// Operands and results; of unfused attention its scores too.
Bytes footprint(const Kernel& kernel);

/// How long a case is repeated.
Seconds enough_for(const Machine& machine, const Kernel& kernel, Grid grid);
/// Of measuring all cases.
Seconds budget_of(Grid grid);

}  // namespace rehearse
