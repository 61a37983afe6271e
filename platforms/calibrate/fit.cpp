#include "platforms/calibrate/fit.hpp"

#include <cmath>
#include <vector>

#include "platforms/gemm_model.hpp"
#include "platforms/pattern_search.hpp"

namespace rehearse {
namespace {

template <class Points, class Model>
double mean_error(const Points& points, const Model& model) {
  double sum = 0.0;
  for (const auto& [work, time] : points) sum += std::abs(model(work) / time - 1.0);
  return sum / static_cast<double>(points.size());
}

/// At most `most` of the points, evenly.
std::vector<Timed<Gemm>> thinned(const std::vector<Timed<Gemm>>& points, std::size_t most) {
  if (points.size() <= most) return points;
  std::vector<Timed<Gemm>> some;
  for (std::size_t i = 0; i < most; ++i) some.push_back(points[i * points.size() / most]);
  return some;
}

using GemmParameters = Parameters<4>;  // efficiency, setup in microseconds, k_ramp, tile_ramp

void set(GemmProfile& profile, const GemmParameters& p) {
  profile.efficiency = p[0];
  profile.setup = Seconds(p[1] * 1e-6);
  profile.k_ramp = p[2];
  profile.tile_ramp = p[3];
}

}  // namespace

Fit fit_memory(Device& device, std::span<const Timed<Stream>> copies) {
  if (copies.empty()) return {};
  const auto error = [&](const Parameters<2>& p) {  // efficiency, latency in microseconds
    const BytesPerSecond rate = device.memory_bandwidth * p[0];
    return mean_error(copies, [&](const Stream& stream) {
      return device.launch_overhead + Seconds(p[1] * 1e-6) + stream.bytes / rate;
    });
  };
  const Parameters<2> low = {0.05, 0.0}, high = {1.0, 20.0};
  Minimum<2> best = minimise<2>(error, {0.9, 1.0}, low, high);
  for (const Parameters<2>& start : {Parameters<2>{0.7, 5.0}, Parameters<2>{0.5, 0.0}})
    if (const Minimum<2> other = minimise<2>(error, start, low, high); other.value < best.value) best = other;
  device.memory_efficiency = best.at[0];
  device.memory_latency = Seconds(best.at[1] * 1e-6);
  return {copies.size(), best.value};
}

Fit fit_gemm(Device& device, Precision precision) {
  GemmProfile& profile = device.gemm.at(precision);
  std::vector<Timed<Gemm>> points;
  for (const Timed<Gemm>& point : profile.measured.points)
    if (aligned(precision, point.work)) points.push_back(point);
  if (points.empty()) return {};
  GemmProfile trial{.peak = profile.peak};
  const auto model = [&](const Gemm& gemm) {
    return device.launch_overhead + gemm_time(device, trial, precision, gemm);
  };
  const std::vector<Timed<Gemm>> some = thinned(points, 240);  // enough for four parameters, and quick
  const auto error = [&](const GemmParameters& p) {
    set(trial, p);
    return mean_error(some, model);
  };
  const GemmParameters low = {0.05, 0.0, 0.0, 0.0}, high = {1.0, 8.0, 400.0, 100.0};
  Minimum<4> best{{0.9, 3.0, 200.0, 40.0}, error({0.9, 3.0, 200.0, 40.0})};
  for (const GemmParameters& start : {GemmParameters{0.9, 3.0, 200.0, 40.0}, GemmParameters{0.8, 2.0, 100.0, 10.0},
                                      GemmParameters{0.7, 4.0, 20.0, 60.0}, GemmParameters{0.95, 3.0, 300.0, 80.0}})
    if (const Minimum<4> found = minimise<4>(error, start, low, high); found.value < best.value) best = found;
  set(trial, best.at);
  set(profile, best.at);
  return {points.size(), mean_error(points, model)};
}

}  // namespace rehearse
