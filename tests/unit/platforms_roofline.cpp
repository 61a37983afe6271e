// Kernels of which only FLOPs and bytes are known: held between a large product and a copy.
#include <doctest/doctest.h>

#include <stdexcept>

#include "platforms/catalogue.hpp"
#include "platforms/device.hpp"
#include "tests/support/relative.hpp"

using namespace rehearse;

namespace {

Kernel kernel(double flops, std::int64_t bytes, Precision precision) {
  return {.work = Roofline{Flops(flops), Bytes(bytes)}, .precision = precision};
}

}  // namespace

TEST_CASE("roofline: as fast as a product of 8192^3 or a copy, on every device and precision, measured or modelled") {
  for (const CatalogueEntry& entry : list_catalogue("devices")) {
    CAPTURE(entry.name);
    const Device device = load_device(entry.name);
    for (const auto& [precision, profile] : device.gemm) {
      const Gemm large{.m = 8192, .n = 8192, .k = 8192};
      const Seconds product = device.time({.work = large, .precision = precision});
      const Kernel counted = kernel(large.flops().value(), 0, precision);
      CHECK(device.time(counted).value() == testing::relative((device.launch_overhead + product).value(), 1e-12));
      CHECK(device.model_time(counted) ==
            device.launch_overhead + device.model_time({.work = large, .precision = precision}));
      CHECK(device.time(counted) > large.flops() / profile.peak);
      for (const std::int64_t bytes : {std::int64_t{1} << 12, std::int64_t{1} << 24, std::int64_t{1} << 32}) {
        const Seconds copy = device.time({.work = Stream{StreamKind::copy, Bytes(bytes)}});
        CHECK(device.time(kernel(0, bytes, precision)) == copy);
        CHECK(device.time(kernel(large.flops().value(), bytes, precision)) == std::max(copy, device.time(counted)));
      }
    }
  }
}

TEST_CASE("roofline: its FLOPs count, and need a precision that the device has") {
  CHECK(kernel(5e9, 100, Precision::bf16).flops() == Flops(5e9));
  Device device = load_device("a100-80gb-sxm");
  device.gemm.erase(Precision::fp8);
  CHECK_THROWS_AS(static_cast<void>(device.model_time(kernel(1e9, 1, Precision::fp8))), std::invalid_argument);
  CHECK(device.model_time(kernel(0, 1'000'000, Precision::fp8)) > Seconds(0));
}
