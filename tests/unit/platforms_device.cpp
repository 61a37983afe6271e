// Device profiles: the catalogue, memory-bound kernels, and the faults of the reader.
#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

#include "engine/base/document.hpp"
#include "platforms/catalogue.hpp"
#include "platforms/device.hpp"
#include "tests/support/relative.hpp"

using namespace rehearse;

namespace {

const std::string good = R"(origin: test
multiprocessors: 100
launch: {overhead: 2 us, origin: test}
memory: {capacity: 80 GiB, bandwidth: 2 TB/s, efficiency: 0.5, latency: 1 us, origin: test}
gemm:
  fp8: {like: fp16, peak: 600 TFLOP/s, origin: test}
  fp16: {peak: 300 TFLOP/s, efficiency: 0.8, setup: 3 us, k_ramp: 100, tile_ramp: 20, origin: test}
)";

Device read(const std::string& text) {
  Reader reader(parse_yaml(text, "device.yaml"), "device");
  Device device = read_device(reader);
  reader.finish();
  return device;
}

/// `good` with a piece replaced.
std::string with(const std::string& piece, const std::string& replacement) {
  std::string text = good;
  const auto at = text.find(piece);
  REQUIRE(at != std::string::npos);
  return text.replace(at, piece.size(), replacement);
}

/// The first line of what reading says; "" where nothing is wrong.
std::string fault_of(const std::string& text) {
  try {
    read(text);
  } catch (const InputError& error) {
    CHECK(error.faults().size() == 1);
    return error.faults().at(0).to_string();
  }
  return "";
}

Kernel stream(std::int64_t bytes) {
  Kernel kernel;
  kernel.work = Stream{StreamKind::copy, Bytes(bytes)};
  return kernel;
}

}  // namespace

TEST_CASE("device: every catalogue entry loads, with origins and sane numbers") {
  const auto entries = list_catalogue("devices");
  CHECK(entries.size() >= 4);
  for (const CatalogueEntry& entry : entries) {
    INFO(entry.name);
    const Device device = load_device(entry.name);
    CHECK(device.name == entry.name);
    CHECK_FALSE(device.description.empty());
    CHECK_FALSE(device.origin.empty());
    CHECK_FALSE(device.memory_origin.empty());
    CHECK_FALSE(device.launch_origin.empty());
    CHECK(device.multiprocessors > 0);
    CHECK(device.memory_capacity > Bytes(0));
    if (device.gemm.contains(Precision::fp32)) CHECK(device.peak(Precision::fp16) > device.peak(Precision::fp32));
    for (const auto& [precision, profile] : device.gemm) {
      CHECK_FALSE(profile.origin.empty());
      CHECK(profile.peak > FlopsPerSecond(0));
      CHECK(profile.efficiency > 0.5);
    }
  }
}

TEST_CASE("device: datasheet numbers survive the way through the catalogue") {
  CHECK(load_device("a100-80gb-sxm").peak(Precision::fp16).value() == doctest::Approx(312e12));
  CHECK(load_device("a100-40gb-sxm").peak(Precision::bf16).value() == doctest::Approx(312e12));
  CHECK(load_device("a100-40gb-sxm").memory_bandwidth.value() == doctest::Approx(1555e9));
  CHECK(load_device("h200-141gb-sxm").memory_bandwidth.value() == doctest::Approx(4.8e12));
  CHECK(load_device("h200-141gb-sxm").peak(Precision::fp8).value() == doctest::Approx(1978.9e12));
}

TEST_CASE("device: a memory-bound kernel takes launch + latency + bytes / (bandwidth efficiency)") {
  const Device device = read(good);
  CHECK(device.time(stream(0)).value() == doctest::Approx(3e-6));
  CHECK(device.time(stream(1)) > device.time(stream(0)));
  CHECK(device.time(stream(1'000'000'000)).value() == doctest::Approx(3e-6 + 1e-3));
}

TEST_CASE("device: a stream of several launches takes launch and latency for each; one of none, only its bytes") {
  const Device device = read(good);
  for (const std::int64_t launches : {1, 2, 5})
    for (const std::int64_t bytes : {std::int64_t{0}, 1'000'000 * launches, 1'000'000'000 * launches}) {
      const Kernel kernel{.work = Stream{StreamKind::copy, Bytes(bytes), launches}};
      CHECK(kernel.launches() == launches);
      const double expected = 3e-6 * static_cast<double>(launches) + static_cast<double>(bytes) / 1e12;
      CHECK(device.time(kernel).value() == testing::relative(expected, 1e-12));
    }
  for (const std::int64_t bytes : {1, 1'000'000'000})
    CHECK(device.time({.work = Stream{StreamKind::copy, Bytes(bytes), 0}}).value() ==
          testing::relative(static_cast<double>(bytes) / 1e12, 1e-12));
  CHECK(device.time({.work = Stream{StreamKind::copy, Bytes(0), 0}}) == Seconds(0));
}

TEST_CASE("device: in a long run products and attention slow down, their launch and streams do not") {
  const Device cold = read(good), device = read(good + "sustained: {products: 0.8, origin: test}\n");
  const Kernel product{.work = Gemm{1, 4096, 4096, 4096}};
  const Kernel core{
      .work = Attention{.batch = 4, .heads = 32, .kv_heads = 32, .seq_q = 2048, .seq_kv = 2048, .head_dim = 64}};
  for (const Kernel& kernel : {product, core}) {
    const double time = cold.time(kernel).value();
    CHECK(cold.sustained_time(kernel).value() == testing::relative(time, 1e-12));
    CHECK(device.time(kernel).value() == testing::relative(time, 1e-12));
    CHECK(device.sustained_time(kernel).value() == testing::relative(2e-6 + (time - 2e-6) / 0.8, 1e-12));
  }
  CHECK(device.sustained_time(stream(1'000'000)) == cold.time(stream(1'000'000)));
  CHECK(fault_of(good + "sustained: {products: 1.5, origin: test}\n") ==
        "device.yaml:8: sustained.products: expected at most 1 (a share of the datasheet's number)");
  CHECK(fault_of(good + "sustained: {products: 0.5}\n").starts_with("device.yaml:8: sustained.origin: missing"));
}

TEST_CASE("device: fused attention at the share of the peak that the profile says, or as its operands move") {
  const std::string section = "flash_attention: {forward: 0.5, backward: 0.25, origin: test}\n";
  const Device plain = read(good), device = read(good + section);
  Kernel kernel{.work =
                    Attention{.batch = 4, .heads = 32, .kv_heads = 32, .seq_q = 4096, .seq_kv = 4096, .head_dim = 64}};
  auto& core = std::get<Attention>(kernel.work);
  const double around = 2e-6 + 3e-6;  // launch, setup
  CHECK(device.time(kernel).value() == testing::relative(around + core.flops().value() / (0.5 * 300e12), 1e-12));
  core.backward = true;
  CHECK(device.time(kernel).value() == testing::relative(around + core.flops().value() / (0.25 * 300e12), 1e-12));
  core.fused = false;
  CHECK(device.time(kernel).value() == testing::relative(plain.time(kernel).value(), 1e-12));
  core = {.batch = 65536, .heads = 32, .kv_heads = 32, .seq_q = 1, .seq_kv = 2, .head_dim = 64};
  CHECK(device.time(kernel).value() ==
        testing::relative(around + operand_bytes(kernel.precision, core) / (0.5 * 2e12), 1e-12));
  CHECK(fault_of(good + "flash_attention: {forward: 1.5, backward: 0.25, origin: test}\n") ==
        "device.yaml:8: flash_attention.forward: expected at most 1 (a share of the datasheet's number)");
}

TEST_CASE("device: `like` takes what is absent, wherever its model stands") {
  const Device device = read(good);
  CHECK(device.peak(Precision::fp8).value() == doctest::Approx(600e12));
  CHECK(device.gemm.at(Precision::fp8).k_ramp == doctest::Approx(100.0));
  CHECK(device.gemm.at(Precision::fp8).efficiency == doctest::Approx(0.8));
  CHECK(device.gemm.at(Precision::fp8).setup.value() == doctest::Approx(3e-6));
}

TEST_CASE("device: a precision that it lacks") {
  const Device device = read(good);
  CHECK_THROWS_AS(static_cast<void>(device.peak(Precision::tf32)), std::invalid_argument);
  Kernel kernel;
  kernel.work = Gemm{1, 8, 8, 8};
  kernel.precision = Precision::fp32;
  CHECK_THROWS_AS(static_cast<void>(device.time(kernel)), std::invalid_argument);
}

TEST_CASE("device: faults of the reader have file, line and key path") {
  CHECK(fault_of(good).empty());
  CHECK(fault_of(with("multiprocessors: 100\n", "")).find("multiprocessors: missing") != std::string::npos);
  CHECK(fault_of(with("multiprocessors: 100", "multiprocessors: 0")).starts_with("device.yaml:2: multiprocessors: "));
  CHECK(fault_of(with("overhead: 2 us", "overhead: -2 us")).starts_with("device.yaml:3: launch.overhead: "));
  CHECK(fault_of(with("bandwidth: 2 TB/s", "bandwidth: 2")).starts_with("device.yaml:4: memory.bandwidth: "));
  CHECK(fault_of(with("efficiency: 0.5", "efficiency: 1.5")).starts_with("device.yaml:4: memory.efficiency: "));
  CHECK(fault_of(with("setup: 3 us", "setup: -1 us")).starts_with("device.yaml:7: gemm.fp16.setup: "));
  CHECK(fault_of(with("k_ramp: 100", "k_ramp: -1")).starts_with("device.yaml:7: gemm.fp16.k_ramp: "));
  CHECK(fault_of(with("  fp16: {peak: 300", "  fp16: {peek: 1, peak: 300")).find("peek") != std::string::npos);
  CHECK(fault_of(with("like: fp16", "like: fp32")).starts_with("device.yaml:6: gemm.fp8.like: "));
  CHECK(fault_of(with("  fp8:", "  int3:")).starts_with("device.yaml:6: gemm.int3: unknown precision 'int3'"));
  const std::string no_precisions = good.substr(0, good.find("gemm:"));
  CHECK(fault_of(no_precisions).find("gemm: missing") != std::string::npos);
  CHECK(fault_of(no_precisions + "gemm: {}\n").starts_with("device.yaml:5: gemm: expected at least one precision"));
}

TEST_CASE("kernel: names and element sizes of the precisions") {
  CHECK(precision_of_name("bf16") == Precision::bf16);
  CHECK(precision_name(Precision::fp8) == "fp8");
  CHECK(element_bytes(Precision::tf32) == 4);
  CHECK_THROWS_WITH_AS(static_cast<void>(precision_of_name("bf15")), doctest::Contains("did you mean 'bf16'?"),
                       std::invalid_argument);
}
