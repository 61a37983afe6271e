// A whole transformer layer, forward and backward, its kernels reading what those before them wrote.
#pragma once

#include "platforms/calibrate/cuda/timer.hpp"
#include "platforms/calibrate/cuda/work.hpp"

namespace rehearse::cuda {

/// Times of one layer among several (up to four, as many as fit) with weights and activations of their own: all
/// forward in order, then all backward in reverse. CannotRun where a kernel cannot be had or too little memory is left.
LayerSample time_layer(const LayerShape& shape, Seconds enough, Arena& arena, Timer& timer);

}  // namespace rehearse::cuda
