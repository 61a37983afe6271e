// Cases and results of the calibrator as text for a person.
#pragma once

#include <iosfwd>
#include <string>

#include "platforms/calibrate/calibrate.hpp"

namespace rehearse {

/// "m 4096, n 12288, k 4096".
std::string describe(const Kernel& kernel);

/// All cases in their order with rank, family, sizes, bytes and what each is expected to take, for a machine as the
/// NVIDIA H200; nothing is measured.
void list_cases(std::ostream& out, const CalibrationOptions& options);

/// For each family its points, the leave-one-out errors, and the best share of the peak that was reached.
void write_summary(std::ostream& out, const Device& device);

}  // namespace rehearse
