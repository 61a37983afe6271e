// What the machine says of itself.
#pragma once

#include "platforms/calibrate/bench.hpp"

namespace rehearse::cuda {

/// Of the current device.
Machine describe_machine();

}  // namespace rehearse::cuda
