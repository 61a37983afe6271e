// NVIDIA's management library, opened at run time: clocks, power and temperature of a device.
#pragma once

#include <string>

namespace rehearse::cuda {

/// "not known" where the library or its answer is missing.
struct Management {
  std::string driver, sm_clock, memory_clock, power_limit, temperature, mig;
};
/// Of the current device, now.
Management management_facts();

}  // namespace rehearse::cuda
