// The matrix-product model: its bounds, its monotony, and that C++ and Python agree.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "platforms/device.hpp"
#include "tests/support/csv_table.hpp"
#include "tests/support/relative.hpp"

using namespace rehearse;

namespace {

Device h100() { return load_device("h100-80gb-sxm"); }

Kernel product(std::int64_t batch, std::int64_t m, std::int64_t n, std::int64_t k, Precision p = Precision::bf16) {
  Kernel kernel;
  kernel.work = Gemm{batch, m, n, k};
  kernel.precision = p;
  return kernel;
}

std::int64_t whole(double x) { return static_cast<std::int64_t>(x); }

/// One row of gemm_model_points.csv: the machine's columns.
Device device_of(const std::vector<double>& row, Precision p) {
  Device device;
  device.multiprocessors = whole(row[1]);
  device.memory_bandwidth = BytesPerSecond(row[2]);
  device.memory_efficiency = row[3];
  device.launch_overhead = Seconds(row[4]);
  device.gemm[p] = {FlopsPerSecond(row[0]), row[6], Seconds(row[7]), row[8], row[9], "", {}};
  return device;
}

const std::vector<std::int64_t> awkward = {1, 2, 63, 64, 65, 127, 255, 257, 1000, 4096, 12288, 51200};

}  // namespace

TEST_CASE("gemm: C++ and scripts/fit_gemm.py give the same times") {
  for (const auto& row : read_csv(REHEARSE_TEST_DIR "/golden/gemm_model_points.csv")) {
    const Precision p = whole(row[5]) == 1 ? Precision::fp8 : Precision::fp16;
    REQUIRE(element_bytes(p) == whole(row[5]));
    const Kernel kernel = product(whole(row[10]), whole(row[11]), whole(row[12]), whole(row[13]), p);
    CHECK(device_of(row, p).time(kernel).value() == testing::relative(row[14], 1e-9));
  }
}

TEST_CASE("gemm: the H100 profile is within 4.5 % of the measured bf16 table on average") {
  const Device device = h100();
  double sum = 0.0, worst = 0.0;
  const auto rows = read_csv(REHEARSE_TEST_DIR "/validation/h100_gemm.csv");
  for (const auto& row : rows) {
    const Kernel kernel = product(whole(row[0]), whole(row[1]), whole(row[2]), whole(row[3]));
    const double error = std::abs(device.time(kernel).value() / (row[5] * 1e-6) - 1.0);
    sum += error;
    worst = std::max(worst, error);
  }
  CHECK(rows.size() == 375);
  CHECK(sum / static_cast<double>(rows.size()) < 0.045);
  CHECK(worst < 0.35);
}

TEST_CASE("gemm: never below flops / peak nor below the compulsory bytes / bandwidth") {
  const Device device = h100();
  for (const auto& [precision, profile] : device.gemm)
    for (const std::int64_t m : awkward)
      for (const std::int64_t n : awkward)
        for (const std::int64_t k : awkward) {
          const Kernel kernel = product(3, m, n, k, precision);
          const Bytes bytes((m * k + k * n + m * n) * 3 * element_bytes(precision));
          const Seconds time = device.time(kernel);
          REQUIRE(std::isfinite(time.value()));
          REQUIRE(time > device.launch_overhead);
          REQUIRE(time >= kernel.flops() / profile.peak);
          REQUIRE(time >= bytes / device.memory_bandwidth);
        }
}

TEST_CASE("gemm: non-decreasing in every size") {
  const Device device = h100();
  for (const std::int64_t m : awkward)
    for (const std::int64_t n : awkward)
      for (const std::int64_t k : awkward) {
        const Seconds time = device.time(product(2, m, n, k));
        REQUIRE(device.time(product(4, m, n, k)) >= time);
        REQUIRE(device.time(product(2, m + 1, n, k)) >= time);
        REQUIRE(device.time(product(2, m, 2 * n, k)) >= time);
        REQUIRE(device.time(product(2, m, n, k + 7)) >= time);
      }
}

TEST_CASE("gemm: limits") {
  const Device device = h100();
  const GemmProfile& profile = device.gemm.at(Precision::bf16);
  SUBCASE("whole waves and large k reach peak times efficiency") {
    const Kernel kernel = product(1, 12 * 256, 11 * 128, 1 << 22);  // 132 tiles
    const double share = kernel.flops() / device.time(kernel) / profile.peak;
    CHECK(share == testing::relative(profile.efficiency, 1e-3));
  }
  SUBCASE("a tiny product costs its launch and setup and less than a microsecond more") {
    const Seconds fixed = device.launch_overhead + profile.setup;
    CHECK(device.time(product(1, 1, 1, 1)) > fixed);
    CHECK(device.time(product(1, 1, 1, 1)) < fixed + Seconds(1e-6));
  }
  SUBCASE("a product with one row is limited by the memory") {
    const double bytes = 2.0 * (16384.0 + 16384.0 * 16384.0 + 16384.0);
    const double expected = (device.launch_overhead + profile.setup).value() +
                            bytes / (device.memory_bandwidth.value() * device.memory_efficiency);
    CHECK(device.time(product(1, 1, 16384, 16384)).value() == testing::relative(expected, 1e-9));
  }
  SUBCASE("a row more than a wave of tiles costs up to another wave") {
    const double wave = device.time(product(1, 12 * 256, 11 * 128, 65536)).value();
    const double more = device.time(product(1, 12 * 256 + 1, 11 * 128, 65536)).value();
    CHECK(more / wave > 1.2);
    CHECK(more / wave <= 2.0);
  }
}
