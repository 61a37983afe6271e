#include "platforms/calibrate/statistics.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace rehearse {
namespace {

constexpr std::size_t exact_up_to = 70;

/// The largest j with P(fewer than j of n below the median) at most 2.5 %.
std::size_t exact_rank(std::size_t n) {
  double term = std::pow(0.5, static_cast<double>(n));  // of the binomial distribution: none below
  double below = 0.0;
  std::size_t j = 0;
  while (below + term <= 0.025) {
    below += term;
    term *= static_cast<double>(n - j) / static_cast<double>(j + 1);
    ++j;
  }
  return j;
}

}  // namespace

std::size_t median_interval_rank(std::size_t n) {
  if (n == 0) return 0;
  if (n <= exact_up_to) return exact_rank(n);
  const double size = static_cast<double>(n);
  return static_cast<std::size_t>(std::floor(0.5 * size - 0.980 * std::sqrt(size)));
}

MedianEstimate estimate_median(std::vector<double> values) {
  assert(!values.empty());
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  const double median = 0.5 * (values[(n - 1) / 2] + values[n / 2]);
  const std::size_t j = median_interval_rank(n);
  if (j == 0) return {median, 1.0};
  return {median, 0.5 * (values[n - j] - values[j - 1]) / median};
}

}  // namespace rehearse
