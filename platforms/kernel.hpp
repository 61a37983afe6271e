// A GPU kernel as the cost model sees it: a matrix product or a stream of bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/units.hpp"

namespace rehearse {

enum class Precision : std::uint8_t { fp32, tf32, fp16, bf16, fp8 };
std::string_view precision_name(Precision p);
/// Throws std::invalid_argument, naming the alternatives.
Precision precision_of_name(std::string_view name);
/// Bytes of one element in memory (tf32 is stored in four).
std::int64_t element_bytes(Precision p);

/// C[b] (m x n) = A[b] (m x k) B[b] (k x n), b < batch; row-major sizes, any layout.
struct Gemm {
  std::int64_t batch = 1, m = 0, n = 0, k = 0;
};

/// One kernel launch. Either a matrix product (gemm.m > 0) or memory-bound (bytes read and written).
struct Kernel {
  std::string name;
  Gemm gemm;  ///< m = 0: memory-bound
  Precision precision = Precision::fp16;
  Bytes bytes;  ///< moved by a memory-bound kernel; ignored for a matrix product
  [[nodiscard]] bool is_gemm() const { return gemm.m > 0; }
  /// 2 batch m n k of a matrix product; 0 otherwise (the convention of every published FLOP count here).
  [[nodiscard]] Flops flops() const {
    return Flops(2.0 * static_cast<double>(gemm.batch) * static_cast<double>(gemm.m) * static_cast<double>(gemm.n) *
                 static_cast<double>(gemm.k));
  }
};

}  // namespace rehearse
