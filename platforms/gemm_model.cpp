#include "platforms/gemm_model.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <limits>

namespace rehearse {
namespace {

// scripts/fit_gemm.py has the same model; tests/golden/gemm_model_points.csv holds the two together.
struct Tile {
  std::int64_t m, n;
};
constexpr std::array<Tile, 6> tiles = {{{256, 128}, {128, 256}, {128, 128}, {128, 64}, {64, 128}, {64, 64}}};
constexpr std::array<std::int64_t, 4> splits = {1, 2, 4, 8};
constexpr double partial_sum_bytes = 8.0;  // of fp32: written by the split, read by the reduction

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return a / b + (a % b != 0 ? 1 : 0); }
double real(std::int64_t x) { return static_cast<double>(x); }

/// Seconds of one multiprocessor for each FLOP of a tile.
double seconds_per_flop(const Device& device, const GemmProfile& profile, Tile tile) {
  const auto loads = [&](Tile t) { return 1.0 + profile.tile_ramp * (1.0 / real(t.m) + 1.0 / real(t.n)); };
  return real(device.multiprocessors) / (profile.peak.value() * profile.efficiency) * loads(tile) / loads(tiles[0]);
}

double compute_seconds(const Device& device, const GemmProfile& profile, const Gemm& g, Tile tile, std::int64_t split) {
  const std::int64_t units = split * g.batch * ceil_div(g.m, tile.m) * ceil_div(g.n, tile.n);
  const std::int64_t waves = ceil_div(units, device.multiprocessors);
  const double flops = 2.0 * real(tile.m) * real(tile.n) * (real(ceil_div(g.k, split)) + profile.k_ramp);
  return real(waves) * flops * seconds_per_flop(device, profile, tile);
}

/// A size between two multiples of 64 (of which 0 counts as 1), and how far it is on the way.
struct Step {
  std::int64_t low, high;
  double part;
};
Step step_around(std::int64_t size) {
  constexpr std::int64_t step = 64;
  const std::int64_t low = std::max<std::int64_t>(size / step * step, 1), high = (size / step + 1) * step;
  return {low, high, real(size - low) / real(high - low)};
}

}  // namespace

Seconds gemm_time(const Device& device, const GemmProfile& profile, Precision precision, const Gemm& gemm) {
  assert(gemm.batch >= 1 && gemm.m >= 1 && gemm.n >= 1 && gemm.k >= 1);
  const double rate = device.memory_bandwidth.value() * device.memory_efficiency;
  const double memory = operand_bytes(precision, gemm) / rate;
  const double results = real(gemm.batch) * real(gemm.m) * real(gemm.n);
  double best = std::numeric_limits<double>::infinity();
  for (const Tile tile : tiles)
    for (const std::int64_t split : splits) {
      const double compute = compute_seconds(device, profile, gemm, tile, split);
      const double sums = split > 1 ? partial_sum_bytes * real(split) * results / rate : 0.0;
      best = std::min(best, std::max(compute, memory) + sums);
    }
  return profile.setup + Seconds(best);
}

Seconds ramped_gemm_time(const Device& device, const GemmProfile& profile, Precision precision, const Gemm& gemm) {
  const Step m = step_around(gemm.m), n = step_around(gemm.n);
  Seconds time;
  const auto add = [&](std::int64_t rows, std::int64_t columns, double weight) {
    if (weight <= 0.0) return;
    Gemm corner = gemm;
    corner.m = rows;
    corner.n = columns;
    time += weight * gemm_time(device, profile, precision, corner);
  };
  add(m.low, n.low, (1.0 - m.part) * (1.0 - n.part));
  add(m.high, n.low, m.part * (1.0 - n.part));
  add(m.low, n.high, (1.0 - m.part) * n.part);
  add(m.high, n.high, m.part * n.part);
  return time;
}

Seconds gemm_bound(const Device& device, const GemmProfile& profile, Precision precision, const Gemm& gemm) {
  return std::max(gemm.flops() / profile.peak,
                  Seconds(operand_bytes(precision, gemm) / device.memory_bandwidth.value()));
}

}  // namespace rehearse
