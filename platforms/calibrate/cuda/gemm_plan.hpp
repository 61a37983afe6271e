// The product of a Gemm: its operands' layouts and types.
#pragma once

#include <cstddef>

#include "platforms/calibrate/cuda/product.hpp"
#include "platforms/kernel.hpp"

namespace rehearse::cuda {

/// Precision in which a product's result is stored: of fp8 products bf16, of others their own.
Precision result_precision(Precision precision);

/// Elements of an operand or the result, all batches together.
std::size_t elements_a(const Gemm& gemm);
std::size_t elements_b(const Gemm& gemm);
std::size_t elements_c(const Gemm& gemm);

/// C = A B with A, B and C as kernel.hpp lays them out, batches one after another, run on pointers that are aligned to
/// 256 bytes. CannotRun where cuBLASLt has no kernel for it.
Product gemm_plan(const Gemm& gemm, Precision precision);

}  // namespace rehearse::cuda
