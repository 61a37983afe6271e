// Fits the models of a device to measured times.
#pragma once

#include <span>

#include "platforms/device.hpp"

namespace rehearse {

/// How far a fitted model is from the times: the mean of |model / measured - 1|.
struct Fit {
  std::size_t points = 0;  ///< none: nothing was fitted
  double mean_error = 0.0;
};

/// Memory efficiency and latency: launch overhead + latency + bytes / (bandwidth * efficiency) = time of a copy within
/// the device. Least mean relative error; efficiency at most 1, latency at least 0. Before fit_gemm.
Fit fit_memory(Device& device, std::span<const Timed<Stream>> copies);

/// Efficiency, setup, k_ramp and tile_ramp of a precision (gemm_model.hpp), from its measured products that are
/// aligned (kernel.hpp), in all layouts: launch overhead + gemm_time = time. The method of scripts/fit_gemm.py:
/// least mean relative error by pattern search from several starts, setup and ramps within the bounds that it has
/// there.
Fit fit_gemm(Device& device, Precision precision);

}  // namespace rehearse
