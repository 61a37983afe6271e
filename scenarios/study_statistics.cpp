#include "scenarios/study_statistics.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace rehearse {

namespace {

/// Linear between the two nearest of the sorted values (type 7 of Hyndman and Fan, 1996).
double quantile(const std::vector<double>& sorted, double share) {
  const double at = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], at - static_cast<double>(below));
}

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// The place of each value in ascending order; equal ones share the mean of theirs.
std::vector<double> places(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return values[i]; });
  std::vector<double> out(values.size());
  for (std::size_t first = 0, end = 0; first < order.size(); first = end) {
    while (end < order.size() && values[order[end]] == values[order[first]]) ++end;
    for (std::size_t i = first; i < end; ++i) out[order[i]] = static_cast<double>(first + end - 1) / 2;
  }
  return out;
}

/// Spearman: the linear correlation of the places.
std::optional<double> rank_correlation(const std::vector<double>& a, const std::vector<double>& b) {
  const std::vector<double> x = places(a), y = places(b);
  const double middle = static_cast<double>(a.size() - 1) / 2;
  double xx = 0, xy = 0, yy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xx += (x[i] - middle) * (x[i] - middle);
    xy += (x[i] - middle) * (y[i] - middle);
    yy += (y[i] - middle) * (y[i] - middle);
  }
  if (xx <= 0 || yy <= 0) return std::nullopt;
  return xy / std::sqrt(xx * yy);
}

double share_within(const std::vector<double>& sorted, double most) {
  const auto end = std::ranges::upper_bound(sorted, most);
  return static_cast<double>(end - sorted.begin()) / static_cast<double>(sorted.size());
}

}  // namespace

ErrorStatistics error_statistics(std::span<const ComparedTimes> rows) {
  if (rows.empty()) return {};
  std::vector<double> absolute, errors, predicted, measured;
  for (const ComparedTimes& row : rows) {
    errors.push_back(row.error());
    absolute.push_back(std::abs(row.error()));
    predicted.push_back(row.predicted);
    measured.push_back(row.measured);
  }
  std::ranges::sort(absolute);
  ErrorStatistics out;
  out.rows = rows.size();
  out.mean_absolute = mean(absolute);
  out.median_absolute = quantile(absolute, 0.5);
  out.percentile_95 = quantile(absolute, 0.95);
  out.bias = mean(errors);
  out.largest = absolute.back();
  out.within_5 = share_within(absolute, 0.05);
  out.within_10 = share_within(absolute, 0.10);
  out.within_20 = share_within(absolute, 0.20);
  out.rank_correlation = rank_correlation(predicted, measured);
  return out;
}

}  // namespace rehearse
