// An empty kernel: what a launch takes.
#pragma once

#include "platforms/calibrate/cuda/timer.hpp"

namespace rehearse::cuda {

Seconds time_launch(Launch how, Timer& timer);

}  // namespace rehearse::cuda
