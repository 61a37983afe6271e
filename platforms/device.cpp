#include "platforms/device.hpp"

#include <cassert>
#include <stdexcept>

#include "engine/base/table.hpp"
#include "platforms/gemm_model.hpp"

namespace rehearse {
namespace {

const GemmProfile& profile_of(const Device& device, Precision p) {
  const auto found = device.gemm.find(p);
  if (found != device.gemm.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [precision, profile] : device.gemm) names.emplace_back(precision_name(precision));
  throw std::invalid_argument("device '" + device.name + "': " + unknown_name("precision", precision_name(p), names));
}

}  // namespace

FlopsPerSecond Device::peak(Precision p) const { return profile_of(*this, p).peak; }

Seconds Device::time(const Kernel& kernel) const {
  if (kernel.is_gemm())
    return launch_overhead + gemm_time(*this, profile_of(*this, kernel.precision), kernel.precision, kernel.gemm);
  assert(kernel.bytes.value() >= 0);
  return launch_overhead + memory_latency + kernel.bytes / (memory_bandwidth * memory_efficiency);
}

}  // namespace rehearse
