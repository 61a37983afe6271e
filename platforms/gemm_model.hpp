// The time of a matrix product: waves of output tiles on the multiprocessors, or memory traffic where that is slower.
#pragma once

#include "engine/base/units.hpp"
#include "platforms/device.hpp"
#include "platforms/kernel.hpp"

namespace rehearse {

/// For every tile (tm, tn) of a fixed list and every split s of k in {1, 2, 4, 8}:
///
///   waves   = ceil(s batch ceil(m/tm) ceil(n/tn) / multiprocessors)
///   rate    = peak / multiprocessors * efficiency * (1 + r (1/256 + 1/128)) / (1 + r (1/tm + 1/tn)),  r = tile_ramp
///   compute = waves * 2 tm tn (ceil(k/s) + k_ramp) / rate
///   memory  = batch (m k + k n + m n) element_bytes / (bandwidth * memory_efficiency)
///   time    = setup + max(compute, memory) + (s > 1: 8 s batch m n bytes of fp32 partial sums, written and read)
///
/// and the library takes the fastest. `waves` is the wave quantization of cuBLAS; 1/tm + 1/tn is the operand traffic of
/// a multiprocessor for each FLOP; k_ramp is what a tile costs besides its inner loop.
///
/// Bounds: tiles cover the output and no efficiency exceeds 1, so the time is never below flops / peak nor below the
/// compulsory bytes / bandwidth. Every candidate is non-decreasing in batch, m, n and k, and the list does not depend
/// on them, so the time is non-decreasing in each (in steps of a tile and a wave). Sizes are at least 1.
/// Without the launch overhead of the device.
Seconds gemm_time(const Device& device, const GemmProfile& profile, Precision precision, const Gemm& gemm);

/// The same where m and n are multiples of 64, the step of all tiles, and bilinear in between: the stairs become ramps,
/// which an interpolation between measured times can follow.
Seconds ramped_gemm_time(const Device& device, const GemmProfile& profile, Precision precision, const Gemm& gemm);

/// The least that any device of this peak and bandwidth takes: flops / peak, or operands and result moved once.
Seconds gemm_bound(const Device& device, const GemmProfile& profile, Precision precision, const Gemm& gemm);

}  // namespace rehearse
