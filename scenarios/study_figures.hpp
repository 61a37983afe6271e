// Figures of a simulation that a measurement can be compared with.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/table.hpp"
#include "scenarios/collective_simulate.hpp"
#include "scenarios/kernel_job.hpp"
#include "scenarios/result.hpp"

namespace rehearse {

/// What its unit is: `number` has none.
enum class FigureUnit : std::uint8_t { time, flops_per_second, bytes_per_second, bytes, number };

/// `cost`: a time or a size, of which less is better; `throughput`: the reverse; `other`: it says what was simulated.
enum class FigureKind : std::uint8_t { cost, throughput, other };

struct StudyFigure {
  std::string_view name, description;
  FigureKind kind = FigureKind::other;
  FigureUnit unit = FigureUnit::number;
  double (*of_result)(const Result&) = nullptr;          ///< in SI; null: a training run has none
  double (*of_point)(const CollectivePoint&) = nullptr;  ///< likewise of a collective
  double (*of_kernel)(const KernelJob&) = nullptr;       ///< of a kernel
  bool of_layers = false;                                ///< of a run whose kernels are simulated one by one
};
Table<StudyFigure> study_figures();

/// How much one of the unit is in SI: "us", "TFLOP/s". Throws std::invalid_argument that says what was expected.
double figure_unit(const StudyFigure& figure, const std::string& unit);

}  // namespace rehearse
