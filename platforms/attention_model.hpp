// The time of attention's core where none was measured: made of the products and streams that it consists of.
#pragma once

#include "engine/base/units.hpp"
#include "platforms/device.hpp"
#include "platforms/kernel.hpp"

namespace rehearse {

/// A fused kernel runs at the rate of one product of (seq_q x keys seen x head_dim) for each of the two, backward five,
/// that it does on chip. An unfused one is its products (each in the layout it has), the softmax and the scores' way
/// through memory. Launches included. Ramped as ramped_gemm_time.
Seconds attention_time(const Device& device, const GemmProfile& profile, Precision precision, const Attention& a);

/// The least that any device of this peak and bandwidth takes: flops / peak, or the inputs and results moved once.
Seconds attention_bound(const Device& device, const GemmProfile& profile, Precision precision, const Attention& a);

}  // namespace rehearse
