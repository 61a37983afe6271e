// The whole calibrator on a GPU whose times are known in closed form.
#include <doctest/doctest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "engine/base/mixing.hpp"
#include "platforms/calibrate/calibrate.hpp"
#include "platforms/calibrate/grid.hpp"
#include "tests/support/relative.hpp"
#include "tests/support/synthetic_bench.hpp"

using namespace rehearse;
using rehearse::testing::SyntheticBench;

namespace {

CalibrationOptions options_for(const SyntheticBench& bench, Grid grid = Grid::quick) {
  CalibrationOptions options;
  options.grid = grid;
  options.precisions = {Precision::bf16};
  options.clock = [&bench] { return bench.now; };
  return options;
}

double error_at(const Device& device, const SyntheticBench& bench, const Kernel& kernel) {
  return device.time(kernel) / bench.true_time(kernel) - 1.0;
}

/// Uniform in logarithm, a multiple of `step`.
std::int64_t random_size(std::uint64_t& state, double low, double high, std::int64_t step) {
  state = mix(state);
  const double share = static_cast<double>(state >> 11) / 0x1p53;
  return static_cast<std::int64_t>(low * std::pow(high / low, share)) / step * step;
}

bool any_has(const std::vector<std::string>& notes, const std::string& text) {
  for (const std::string& note : notes)
    if (note.find(text) != std::string::npos) return true;
  return false;
}

}  // namespace

TEST_CASE("calibrate: with 1 % of noise the quick grid meets the targets where a point is left out") {
  SyntheticBench bench;
  bench.noise = 0.01;
  CalibrationOptions options = options_for(bench);
  options.precisions = {};
  const Calibration result = calibrate(bench, options, {});
  CHECK(result.notes.empty());
  CHECK(bench.now < budget_of(Grid::quick));
  CHECK(result.device.gemm.size() == 4);
  for (const auto& [precision, profile] : result.device.gemm) {
    CHECK(profile.measured.long_error.points >= 100);
    CHECK(profile.measured.long_error.median <= 0.03);
    CHECK(profile.measured.long_error.percentile_95 <= 0.10);
  }
  CHECK(result.device.streams.size() == 28);
  for (const auto& [kind, family] : result.device.streams) {
    CHECK(family.error.median <= 0.03);
    CHECK(family.error.percentile_95 <= 0.05);
  }
  CHECK(result.device.attention.size() == 1);
}

TEST_CASE("calibrate: kernels that are not in the grid") {
  SyntheticBench bench;
  bench.noise = 0.01;
  const Device device = calibrate(bench, options_for(bench), {}).device;
  std::vector<double> errors;
  SUBCASE("the products of the layers that validate a profile") {
    for (const LayerShape& layer : validation_layers())
      for (const Kernel& kernel : SyntheticBench::layer_products(layer))
        errors.push_back(error_at(device, bench, kernel));
  }
  SUBCASE("products of random sizes") {
    std::uint64_t state = 1;
    for (int i = 0; i < 400; ++i) {
      const Gemm gemm{1, random_size(state, 2048, 16384, 128), random_size(state, 2048, 16384, 128),
                      random_size(state, 1024, 16384, 64), static_cast<Layout>(i % 3)};
      errors.push_back(error_at(device, bench, {"product", gemm, Precision::bf16}));
    }
  }
  SUBCASE("streams of random sizes") {
    std::uint64_t state = 2;
    for (const StreamRow& row : stream_table())
      for (int i = 0; i < 10; ++i) {
        const Stream stream{row.kind, Bytes(random_size(state, 65536, 1e9, 64))};
        errors.push_back(error_at(device, bench, {"stream", stream, Precision::bf16}));
      }
  }
  const LeaveOneOut summary = summary_of(errors);
  CHECK(summary.median <= 0.03);
  CHECK(summary.percentile_95 <= 0.10);
}

TEST_CASE("calibrate: where products follow the model itself its parameters are found") {
  Device truth;
  truth.multiprocessors = 132;
  truth.memory_bandwidth = BytesPerSecond(4.8e12);
  truth.memory_efficiency = 0.857;
  truth.launch_overhead = SyntheticBench::launch_gap;
  truth.gemm[Precision::bf16] = {
      .peak = FlopsPerSecond(989e12), .efficiency = 0.83, .setup = Seconds(2.5e-6), .k_ramp = 150.0, .tile_ramp = 30.0};
  SyntheticBench bench;
  bench.model = truth;
  const Device device = calibrate(bench, options_for(bench), {}).device;
  CHECK(device.launch_overhead == SyntheticBench::launch_gap);
  CHECK(device.memory_efficiency == testing::relative(0.857, 0.01));
  CHECK(device.memory_latency.value() == testing::relative(2.15e-6, 0.1));
  const GemmProfile& profile = device.gemm.at(Precision::bf16);
  CHECK(profile.efficiency == testing::relative(0.83, 0.02));
  CHECK(profile.setup.value() == testing::relative(2.5e-6, 0.15));
  CHECK(profile.k_ramp == testing::relative(150.0, 0.15));
  CHECK(profile.tile_ramp == testing::relative(30.0, 0.3));
}

TEST_CASE("calibrate: the full grid ends within its budget, which a clock holds") {
  SyntheticBench bench;
  CHECK(calibrate(bench, options_for(bench, Grid::full), {}).notes.empty());
  CHECK(bench.now < budget_of(Grid::full));
}

TEST_CASE("calibrate: a budget that runs out leaves a profile and says what it lacks") {
  SyntheticBench bench;
  CalibrationOptions options = options_for(bench);
  options.budget = Seconds(4.0);
  const Calibration result = calibrate(bench, options, {});
  CHECK(bench.now < Seconds(4.5));
  CHECK(any_has(result.notes, "the budget of 4 s left out"));
  CHECK(any_has(result.notes, "gemm bf16 tn"));
  const Device& device = result.device;
  CHECK(measured_points(device) == static_cast<std::size_t>(bench.timed));
  CHECK(device.streams.size() == 28);
  const Kernel kernel{"product", Gemm{1, 4096, 8192, 4096}, Precision::bf16};
  CHECK(std::abs(error_at(device, bench, kernel)) < 0.2);
}

TEST_CASE("calibrate: what cannot run is told once for a family and reason") {
  SyntheticBench bench;
  bench.cannot_run = [](const Kernel& kernel) {
    const auto* attention = std::get_if<Attention>(&kernel.work);
    return attention != nullptr && attention->head_dim == 128 ? std::string("heads of 128 are too wide") : "";
  };
  const Calibration result = calibrate(bench, options_for(bench), {});
  REQUIRE(result.notes.size() == 1);
  CHECK(result.notes[0].starts_with("attention bf16: "));
  CHECK(result.notes[0].ends_with(" cases could not run: heads of 128 are too wide"));
  CHECK_FALSE(result.device.attention.at(Precision::bf16).points.empty());
}

TEST_CASE("calibrate: a precision without a product is left out, and one that the chip lacks is told") {
  SyntheticBench bench;
  std::erase_if(bench.machine().peaks, [](const auto& peak) { return peak.first == Precision::fp8; });
  bench.cannot_run = [](const Kernel& kernel) {
    return kernel.precision == Precision::fp16 && std::holds_alternative<Gemm>(kernel.work) ? "no" : "";
  };
  CalibrationOptions options = options_for(bench);
  options.precisions = {Precision::bf16, Precision::fp16, Precision::fp8};
  const Calibration result = calibrate(bench, options, {});
  CHECK(result.device.gemm.size() == 1);
  CHECK(result.device.attention.size() == 1);
  CHECK(any_has(result.notes, "gemm fp16: no product was timed"));
  CHECK(any_has(result.notes, "fp8: Synthetic GPU 141GB has no matrix units for it"));
}

TEST_CASE("calibrate: a wrong kernel, a fault, and nothing at all are errors") {
  SyntheticBench bench;
  SUBCASE("a kernel that fails its check") {
    bench.checks.push_back({"softmax_forward", 0.5, 1e-2});
    CHECK_THROWS_WITH_AS(calibrate(bench, options_for(bench), {}), doctest::Contains("softmax_forward"),
                         std::runtime_error);
    CHECK(bench.timed == 0);
  }
  SUBCASE("a fault of the device names the kernel") {
    bench.cannot_run = [](const Kernel& kernel) -> std::string {
      if (std::holds_alternative<Gemm>(kernel.work)) throw std::runtime_error("an illegal memory access");
      return "";
    };
    CHECK_THROWS_WITH_AS(calibrate(bench, options_for(bench), {}), doctest::Contains("gemm bf16 tn (m "),
                         std::runtime_error);
  }
  SUBCASE("what was timed before a fault is kept") {
    bench.cannot_run = [&bench](const Kernel&) -> std::string {
      if (bench.timed == 500) throw std::runtime_error("an illegal memory access");
      return "";
    };
    const Calibration result = calibrate(bench, options_for(bench), {});
    CHECK(measured_points(result.device) == 500);
    CHECK(result.fault.find("an illegal memory access") != std::string::npos);
    CHECK(any_has(result.notes, "a fault left out"));
  }
  SUBCASE("nothing can run") {
    bench.cannot_run = [](const Kernel&) { return "no memory"; };
    CHECK_THROWS_WITH_AS(calibrate(bench, options_for(bench), {}), doctest::Contains("no memory"), std::runtime_error);
  }
}

TEST_CASE("calibrate: progress before each case and once at the end") {
  SyntheticBench bench;
  std::size_t calls = 0, cases = 0;
  std::string last = "something";
  calibrate(bench, options_for(bench), [&](const Progress& p) {
    CHECK(p.done == calls++);
    cases = p.cases;
    last = p.what;
  });
  CHECK(calls == cases + 1);
  CHECK(last.empty());
}

TEST_CASE("calibrate: a profile that was written and read back gives the same times") {
  SyntheticBench bench;
  bench.noise = 0.01;
  const Device device = calibrate(bench, options_for(bench), {}).device;
  const std::filesystem::path file =
      std::filesystem::temp_directory_path() / ("rehearse-calibrate." + std::to_string(getpid()) + ".yaml");
  {
    std::ofstream out(file);
    write_device(out, device);
  }
  const Device again = load_device(file.string());
  std::filesystem::remove(file);
  CHECK(again.name == "synthetic-gpu-141gb");
  CHECK(measured_points(again) == measured_points(device));
  const std::vector<Case> cases = grid_cases(bench.machine(), options_for(bench));
  for (std::size_t i = 0; i < cases.size(); i += 7)
    CHECK(again.time(cases[i].kernel).value() == testing::relative(device.time(cases[i].kernel).value(), 2e-5));
}
