// Measured kernel times in a device: exact, monotone, ramped between; against the H100 table; what stands in for what.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <random>
#include <vector>

#include "platforms/device.hpp"
#include "platforms/gemm_model.hpp"
#include "tests/support/csv_table.hpp"
#include "tests/support/relative.hpp"

using namespace rehearse;

namespace {

Kernel kernel_of(decltype(Kernel::work) work, Precision p = Precision::bf16) {
  return {.name = "kernel", .work = work, .precision = p};
}

std::int64_t whole(double x) { return static_cast<std::int64_t>(x); }

/// The catalogue's H100 with the published table as measured points.
Device h100_measured() {
  Device device = load_device("h100-80gb-sxm");
  auto& points = device.gemm.at(Precision::bf16).measured.points;
  for (const auto& row : read_csv(REHEARSE_TEST_DIR "/validation/h100_gemm.csv"))
    points.push_back({Gemm{whole(row[0]), whole(row[1]), whole(row[2]), whole(row[3])}, Seconds(row[5] * 1e-6)});
  device.build_tables();
  return device;
}

/// Times of another device's model, so in order, at sizes of which none is a multiple of the others.
Device device_in_order() {
  Device device = load_device("h100-80gb-sxm");
  const Device other = load_device("a100-80gb-sxm");
  auto& points = device.gemm.at(Precision::bf16).measured.points;
  for (const std::int64_t m : {128, 512, 1536, 4096, 16384})
    for (const std::int64_t n : {256, 1024, 5120, 12288})
      for (const std::int64_t k : {64, 1024, 8192})
        for (const std::int64_t batch : {1, 12})
          points.push_back({Gemm{batch, m, n, k}, other.time(kernel_of(Gemm{batch, m, n, k}))});
  device.build_tables();
  return device;
}

}  // namespace

TEST_CASE("measured: the H100 table is met exactly, and each row by the others") {
  Device device = h100_measured();
  for (const auto& [work, time] : device.gemm.at(Precision::bf16).measured.points)
    REQUIRE(device.time(kernel_of(work)) / time == testing::relative(1.0, 1e-8));
  device.state_errors();
  const LeaveOneOut& error = device.gemm.at(Precision::bf16).measured.long_error;
  MESSAGE("H100 bf16, leave-one-out, >= 10 us: ", error.points, " rows, median ", error.median, ", 95th percentile ",
          error.percentile_95, ", worst ", error.worst);
  CHECK(error.points == 228);
  CHECK(error.median < 0.03);
  CHECK(error.percentile_95 < 0.10);
}

TEST_CASE("measured: more of a product never takes less, at any size") {
  const Device device = device_in_order();
  std::mt19937 generator(3);
  std::uniform_real_distribution<double> share(0.0, 1.0);
  const auto size = [&](double most) {
    return std::max<std::int64_t>(1, whole(std::exp(share(generator) * std::log(most))));
  };
  for (int i = 0; i < 1500; ++i) {
    const Gemm x{size(64), size(60000), size(60000), size(60000)};
    Gemm y = x;
    for (std::int64_t* s : {&y.batch, &y.m, &y.n, &y.k})
      if (share(generator) < 0.5) *s += size(1000) * 8;
    for (Gemm* g : {&y}) g->k = g->k / 8 * 8, g->m = g->m / 8 * 8, g->n = g->n / 8 * 8;
    if (y.m < x.m || y.n < x.n || y.k < x.k) continue;
    REQUIRE(device.time(kernel_of(y)) >= device.time(kernel_of(x)) * (1.0 - 1e-12));
  }
}

TEST_CASE("measured: from one size to the next the time makes no jump") {
  const Device device = device_in_order();
  double measured = 1.0, stairs = 1.0;
  for (std::int64_t m = 512; m < 4096; ++m) {
    const Kernel here = kernel_of(Gemm{1, m, 1024, 8192}), next = kernel_of(Gemm{1, m + 1, 1024, 8192});
    measured = std::max(measured, device.time(next) / device.time(here));
    stairs = std::max(stairs, device.model_time(next) / device.model_time(here));
  }
  CHECK(stairs > 1.3);  // the model alone climbs a wave at once
  CHECK(measured < 1.05);
}

TEST_CASE("measured: outside of the points a product keeps to the roofline") {
  const Device device = h100_measured();
  const GemmProfile& profile = device.gemm.at(Precision::bf16);
  for (const std::int64_t m : {1, 7, 30000, 1000000})
    for (const std::int64_t n : {1, 9, 50304, 500000})
      for (const std::int64_t k : {1, 64, 200000}) {
        const Gemm gemm{1, m, n, k};
        const Seconds time = device.time(kernel_of(gemm)), model = device.model_time(kernel_of(gemm));
        REQUIRE(time >= gemm_bound(device, profile, Precision::bf16, gemm));
        REQUIRE(time < model * 2.0);
        REQUIRE(time > model * 0.5);
      }
}

TEST_CASE("measured: layouts and alignments have tables of their own, and stand in for those that have none") {
  Device device = load_device("h100-80gb-sxm");
  auto& points = device.gemm.at(Precision::bf16).measured.points;
  const Gemm forward{1, 4096, 4096, 4096, Layout::tn}, weight{1, 4096, 4096, 4096, Layout::nt};
  const Gemm odd{1, 4096, 4097, 4096, Layout::tn};
  points = {{forward, Seconds(300e-6)}, {weight, Seconds(330e-6)}, {odd, Seconds(600e-6)}};
  device.build_tables();
  CHECK(device.time(kernel_of(forward)).value() == doctest::Approx(300e-6));
  CHECK(device.time(kernel_of(weight)).value() == doctest::Approx(330e-6));
  CHECK(device.time(kernel_of(odd)).value() == doctest::Approx(600e-6));
  Gemm input = forward;
  input.layout = Layout::nn;
  CHECK(device.time(kernel_of(input)).value() == doctest::Approx(300e-6));
  Gemm odd_weight = odd;
  odd_weight.layout = Layout::nt;
  CHECK(device.time(kernel_of(odd_weight)).value() == testing::relative(330e-6, 0.02));
  CHECK(device.time(kernel_of(forward, Precision::fp8)) == device.model_time(kernel_of(forward, Precision::fp8)));
}

TEST_CASE("measured: streams by kind, attention by what it is") {
  Device device = load_device("h100-80gb-sxm");
  for (std::int64_t bytes = 65536; bytes <= std::int64_t{1} << 32; bytes *= 4)
    device.streams[StreamKind::adam].points.push_back(
        {Stream{StreamKind::adam, Bytes(bytes)}, Seconds(4e-6 + static_cast<double>(bytes) / 2.5e12)});
  const Attention attention{.batch = 2, .heads = 16, .kv_heads = 4, .seq_q = 4096, .seq_kv = 4096, .head_dim = 128};
  Attention full = attention;
  full.causal = false;
  device.attention[Precision::bf16].points = {{attention, Seconds(300e-6)}};
  device.build_tables();
  const auto adam = [](std::int64_t bytes) { return kernel_of(Stream{StreamKind::adam, Bytes(bytes)}); };
  CHECK(device.time(adam(65536)).value() == doctest::Approx(4e-6 + 65536 / 2.5e12));
  CHECK(device.time(adam(1000000)).value() == testing::relative(4e-6 + 1e6 / 2.5e12, 0.03));
  CHECK(device.time(adam(std::int64_t{1} << 36)).value() == testing::relative(68719476736.0 / 2.5e12, 0.06));
  CHECK(device.time(adam(0)) > Seconds(0));
  const Kernel cast = kernel_of(Stream{StreamKind::cast, Bytes(1000000)});
  CHECK(device.time(cast) == device.model_time(cast));
  CHECK(device.time(kernel_of(attention)).value() == doctest::Approx(300e-6));
  CHECK(device.time(kernel_of(full)) == device.model_time(kernel_of(full)));
  CHECK(device.time(kernel_of(attention, Precision::fp16)) == device.time(kernel_of(attention)));
  CHECK(device.time(kernel_of(attention, Precision::tf32)) == device.model_time(kernel_of(attention, Precision::tf32)));
  Attention longer = attention;
  longer.seq_q = longer.seq_kv = 16384;
  CHECK(device.time(kernel_of(longer)).value() == testing::relative(16 * 300e-6, 0.2));
}

TEST_CASE("measured: more attention and longer streams never take less") {
  Device device = load_device("h100-80gb-sxm");
  for (const std::int64_t heads : {8, 32, 128})
    for (const std::int64_t seq : {512, 2048, 8192})
      for (const std::int64_t dim : {64, 128}) {
        const Attention a{.heads = heads, .kv_heads = heads, .seq_q = seq, .seq_kv = seq, .head_dim = dim};
        const double rate = 5e14 * static_cast<double>(seq) / static_cast<double>(seq + 700);
        device.attention[Precision::bf16].points.push_back({a, Seconds(4e-6 + a.flops().value() / rate)});
      }
  for (std::int64_t bytes = 65536; bytes <= std::int64_t{1} << 30; bytes *= 2)  // a cache of 32 MiB
    device.streams[StreamKind::copy].points.push_back(
        {Stream{StreamKind::copy, Bytes(bytes)},
         Seconds(2e-6 + static_cast<double>(std::min(bytes, std::int64_t{1} << 25)) / 5e12 +
                 static_cast<double>(std::max(bytes - (std::int64_t{1} << 25), std::int64_t{0})) / 2e12)});
  device.build_tables();
  std::mt19937 generator(5);
  std::uniform_real_distribution<double> share(0.0, 1.0);
  const auto size = [&](double most) { return whole(std::exp(share(generator) * std::log(most))); };
  for (int i = 0; i < 1000; ++i) {
    Attention x{.batch = size(20), .heads = size(100), .kv_heads = 1, .seq_q = size(30000), .head_dim = size(300)};
    x.seq_kv = x.seq_q + size(1000) - 1;
    Attention y = x;
    std::array<std::int64_t*, 3> grown = {&y.batch, &y.heads, &y.head_dim};
    *grown.at(static_cast<std::size_t>(i) % 3) += size(50);
    if (i % 2 == 0) y.seq_kv += size(5000);
    REQUIRE(device.time(kernel_of(y)) >= device.time(kernel_of(x)) * (1.0 - 1e-12));
    const std::int64_t bytes = size(1e11), more = bytes + size(1e9);
    REQUIRE(device.time(kernel_of(Stream{StreamKind::copy, Bytes(more)})) >=
            device.time(kernel_of(Stream{StreamKind::copy, Bytes(bytes)})) * (1.0 - 1e-12));
  }
}

TEST_CASE("measured: points faster than the chip can be are left out") {
  Device device = load_device("h100-80gb-sxm");
  device.gemm.at(Precision::bf16).measured.points = {{Gemm{1, 8192, 8192, 8192}, Seconds(1e-3)},
                                                     {Gemm{1, 8192, 8192, 8192}, Seconds(1.6e-3)}};
  CHECK(drop_impossible(device) == 1);  // 1.1e12 FLOP in 1 ms
  CHECK(device.gemm.at(Precision::bf16).measured.points.at(0).time == Seconds(1.6e-3));
}

TEST_CASE("measured: the summary of errors") {
  const LeaveOneOut s = summary_of({0.01, -0.03, 0.02, 0.1, -0.05});
  CHECK(s.points == 5);
  CHECK(s.median == doctest::Approx(0.03));
  CHECK(s.percentile_95 == doctest::Approx(0.09));
  CHECK(s.worst == doctest::Approx(0.1));
  CHECK(summary_of({}).points == 0);
}
