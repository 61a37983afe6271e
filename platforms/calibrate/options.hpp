// The command line of rehearse-calibrate.
#pragma once

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>

#include "platforms/calibrate/calibrate.hpp"

namespace rehearse {

enum class Action : std::uint8_t { calibrate, check, list_cases, help };

struct Options {
  Action action = Action::calibrate;
  std::string output;  ///< of the profile; empty: the GPU's name
  CalibrationOptions calibration;
  std::string layers;   ///< where the times of whole layers go; empty: they are not measured
  bool profile = true;  ///< false: the layers alone
};

/// One line, with the nearest that is valid.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The arguments after the program's name. Throws UsageError.
Options parse_options(std::span<const std::string> arguments);
/// What --help prints.
std::string help_text();

}  // namespace rehearse
