// How far predictions are from measurements.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace rehearse {

/// Both as times, in the same unit and above 0; a throughput is its reciprocal.
struct ComparedTimes {
  double predicted = 0, measured = 0;
  /// Of the time: 0.1 is a prediction that is 10 % too slow.
  [[nodiscard]] double error() const { return predicted / measured - 1; }
};

/// Shares, not per cent. All 0 where there are no rows.
struct ErrorStatistics {
  std::size_t rows = 0;
  double mean_absolute = 0;
  double median_absolute = 0;
  double percentile_95 = 0;  ///< of the absolute error, linear between neighbours
  double bias = 0;           ///< mean of the signed error
  double largest = 0;        ///< absolute error
  double within_5 = 0, within_10 = 0, within_20 = 0;
  std::optional<double> rank_correlation;  ///< Spearman's; none where it is not defined: one row, or all the same
};

ErrorStatistics error_statistics(std::span<const ComparedTimes> rows);

}  // namespace rehearse
