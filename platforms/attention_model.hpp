// The time of attention's core where none was measured: made of the products and streams that it consists of.
#pragma once

#include <vector>

#include "engine/base/units.hpp"
#include "platforms/device.hpp"
#include "platforms/kernel.hpp"

namespace rehearse {

/// A fused kernel does its FLOPs at the share of the peak that Device::flash says, or moves its operands if that takes
/// longer; where that says nothing it runs at the rate of one product of (seq_q x keys seen x width) for each of those
/// that it does on chip (Attention::products). An unfused one is its products (each in the layout it has), the softmax
/// and the scores' way through memory. Launches included. Ramped as ramped_gemm_time.
Seconds attention_time(const Device& device, const GemmProfile& profile, Precision precision, const Attention& a);

/// The least that any device of this peak and bandwidth takes: flops / peak, or the inputs and results moved once.
Seconds attention_bound(const Device& device, const GemmProfile& profile, Precision precision, const Attention& a);

/// What measured attention goes by between its points: t0 + c batch heads seq_q (keys seen + s0) (width + d0), `width`
/// that of a product on average. s0 and d0 are what short sequences and narrow heads lose. Non-decreasing in every
/// size.
struct AttentionForm {
  double t0 = 0.0, c = 0.0, s0 = 0.0, d0 = 0.0;
  [[nodiscard]] Seconds at(const Attention& a) const;
};
/// Least mean relative error over the points, at least one.
AttentionForm fit_attention(const std::vector<Timed<Attention>>& points);

}  // namespace rehearse
