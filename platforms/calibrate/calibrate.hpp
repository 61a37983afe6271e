// The calibrator: which kernels to time, and a device profile from their times.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "platforms/calibrate/bench.hpp"
#include "platforms/device.hpp"

namespace rehearse {

enum class Grid : std::uint8_t { quick, full };  ///< under 60 s, under 8 minutes

struct CalibrationOptions {
  Grid grid = Grid::full;
  std::vector<Precision>
      precisions;                  ///< of products and attention; empty: bf16, fp16, tf32, fp8, as the machine has them
  Seconds budget{};                ///< of measuring; zero: the grid's own
  std::function<Seconds()> clock;  ///< what the budget is held against; empty: a steady clock
};

/// Called before each case and once at the end; `what` names the family ("gemm bf16 tn").
struct Progress {
  std::size_t done = 0, cases = 0;
  Seconds spent, budget;
  std::string_view what;
};
using OnProgress = std::function<void(const Progress&)>;

struct Calibration {
  Device device;
  std::vector<std::string> notes;  ///< what was left out and why, one line each, for a person
  std::string fault;               ///< what ended the measurement before its time; empty: nothing
};

/// Cases go from those that matter most to refinements, so that what does not fit in the budget is missed least. Times
/// the kernels, fits the model of matrix products to each precision, builds the tables, and states the leave-one-out
/// error of each family. A fault of the bench ends the measurement: what was timed before it is kept. Throws
/// std::runtime_error where nothing was, or where a kernel's check fails.
Calibration calibrate(Bench& bench, const CalibrationOptions& options, const OnProgress& on_progress);

/// One kernel to time. Lower ranks come first.
struct Case {
  Kernel kernel;
  std::string family;
  int rank = 0;
};
/// All cases for a machine, in the order in which they are timed.
std::vector<Case> grid_cases(const Machine& machine, const CalibrationOptions& options);

/// The layers that validate a profile: GPT-3 1.3B and 6.7B, Llama 3 8B, micro batches 1, 2, 4 and 8.
std::vector<LayerShape> validation_layers();
/// Times them; CSV with a comment that says where they were measured, for tests/validation/.
std::string time_layers(Bench& bench, const OnProgress& on_progress);

}  // namespace rehearse
