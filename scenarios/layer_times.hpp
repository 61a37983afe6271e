// What a layer in the midst of others takes, communication and all.
#pragma once

#include "engine/base/units.hpp"
#include "scenarios/result.hpp"

namespace rehearse {

/// From the beginning of a layer's first kernel to that of the layer which comes next: the one behind it, and going
/// backward the one before it. Recomputation is a part of the backward time.
struct LayerTimes {
  Seconds forward, backward;
  [[nodiscard]] Seconds total() const { return forward + backward; }
};

/// Of the first micro batch on the first GPU, and of its layers with one before and one behind them the middle one. The
/// result is of a simulation that does not merge kernels. Throws std::runtime_error where there is no such layer.
LayerTimes layer_times(const Result& result);

}  // namespace rehearse
