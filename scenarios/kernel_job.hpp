// KernelJob: one kernel on one device, by the device's profile.
#pragma once

#include "engine/base/document.hpp"
#include "platforms/device.hpp"

namespace rehearse {

/// A matrix product, read from a mapping and validated.
struct KernelJob {
  Device device;
  Kernel kernel;
  Value resolved;  ///< as it was asked for, defaults filled in

  [[nodiscard]] Seconds time() const { return device.time(kernel); }
  [[nodiscard]] FlopsPerSecond rate() const { return kernel.flops() / time(); }
};

/// {device: NAME or mapping, gemm: {batch: 1, m, n, k}, precision: bf16, layout: tn}. Throws InputError with all
/// faults.
KernelJob read_kernel_job(Value root);

}  // namespace rehearse
