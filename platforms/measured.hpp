// Measured kernel times of a device profile, and the error that the interpolation between them makes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/base/units.hpp"
#include "platforms/kernel.hpp"

namespace rehearse {

/// A kernel's time among many of its kind back to back, the gap between two launches included.
template <class Work>
struct Timed {
  Work work;
  Seconds time;
};

/// |predicted / measured - 1| over measured points, each predicted from all the others of its table.
struct LeaveOneOut {
  std::int64_t points = 0;
  double median = 0.0, percentile_95 = 0.0, worst = 0.0;
};
/// Of relative errors (any sign, any order); zeros for none. Percentiles are linear between the sorted values.
LeaveOneOut summary_of(std::vector<double> errors);

/// The measured times of one family of kernels, as a profile has them; none: not measured.
template <class Work>
struct Family {
  std::vector<Timed<Work>> points;
  LeaveOneOut error;       ///< as stated by the profile
  LeaveOneOut long_error;  ///< of the points of at least 10 microseconds
};

struct Device;

/// Interpolants over a device's measured times, each built when it is first asked for. A product's table has its
/// precision, its layout, and whether it is aligned (kernel.hpp); attention's, its precision and whether it is fused,
/// causal and backward. Where a table has no points the nearest that has some stands
/// in: the other alignment, then another layout; of attention fp16 and bf16 for each other where their peaks are equal,
/// as they run the same kernels.
class MeasuredTables {
 public:
  explicit MeasuredTables(const Device& device);  ///< copies what it needs
  ~MeasuredTables();
  MeasuredTables(const MeasuredTables&) = delete;
  MeasuredTables& operator=(const MeasuredTables&) = delete;

  /// nullopt where the kernel's family was not measured.
  [[nodiscard]] std::optional<Seconds> time(const Kernel& kernel) const;
  /// Write the leave-one-out error of each family into the device (the one that these tables are of).
  void state_errors(Device& device) const;

 private:
  struct Tables;
  std::unique_ptr<Tables> tables_;
};

/// Leave out measured products and attention that are faster than flops / peak or than the pins of the memory carry
/// their operands (some of them stayed in a cache); their number.
std::size_t drop_impossible(Device& device);

}  // namespace rehearse
