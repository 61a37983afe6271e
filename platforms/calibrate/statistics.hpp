// The median of repeated times, and how sure it is.
#pragma once

#include <cstddef>
#include <vector>

namespace rehearse {

struct MedianEstimate {
  double median = 0.0;
  /// Half of the 95 % confidence interval, as a share of the median; 1 where so few values say nothing (under 6).
  double half_width = 1.0;
};

/// The largest j such that the j-th smallest and the j-th largest of n independent values hold the median between them
/// with at least 95 % confidence, whatever their distribution (Le Boudec, "Performance Evaluation of Computer and
/// Communication Systems", 2010, Theorem 2.1: the number below the median is binomial; normal approximation for n >
/// 70). 0 where there is none: n < 6.
std::size_t median_interval_rank(std::size_t n);

/// Of positive values in any order, at least one.
MedianEstimate estimate_median(std::vector<double> values);

}  // namespace rehearse
