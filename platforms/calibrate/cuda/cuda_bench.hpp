// The host's GPU as a Bench.
#pragma once

#include <memory>
#include <stdexcept>

#include "platforms/calibrate/bench.hpp"

namespace rehearse {

/// There is no GPU that CUDA can use; `what` is one line that says why.
struct NoDevice : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// On the first GPU that CUDA shows (CUDA_VISIBLE_DEVICES chooses). Throws NoDevice.
std::unique_ptr<Bench> make_cuda_bench();

}  // namespace rehearse
