#include "platforms/calibrate/cuda/gemm_plan.hpp"

#include <stdexcept>

#include "platforms/calibrate/cuda/work.hpp"

namespace rehearse::cuda {
namespace {

cudaDataType_t data_type(Precision precision) {
  switch (precision) {
    case Precision::fp32:
    case Precision::tf32: return CUDA_R_32F;
    case Precision::fp16: return CUDA_R_16F;
    case Precision::bf16: return CUDA_R_16BF;
    case Precision::fp8: return CUDA_R_8F_E4M3;
  }
  throw std::logic_error("a precision without a type");
}

void hold_fp8(const Gemm& gemm) {
  if (gemm.layout != Layout::tn) throw CannotRun("fp8 products have the layout tn only");
  if (gemm.m % 16 != 0 || gemm.n % 16 != 0 || gemm.k % 16 != 0) throw CannotRun("fp8 products need multiples of 16");
}

/// A matrix of rows x columns in a batch of them, or its transpose stored in its place.
Operand dense(std::int64_t rows, std::int64_t columns, bool transposed) {
  if (transposed) return {columns, rows, rows, rows * columns, true};
  return {rows, columns, columns, rows * columns, false};
}

}  // namespace

Precision result_precision(Precision precision) { return precision == Precision::fp8 ? Precision::bf16 : precision; }

std::size_t elements_a(const Gemm& g) { return static_cast<std::size_t>(g.batch * g.m * g.k); }
std::size_t elements_b(const Gemm& g) { return static_cast<std::size_t>(g.batch * g.k * g.n); }
std::size_t elements_c(const Gemm& g) { return static_cast<std::size_t>(g.batch * g.m * g.n); }

Product gemm_plan(const Gemm& g, Precision precision) {
  if (precision == Precision::fp8) hold_fp8(g);
  ProductType type;
  type.operands = data_type(precision);
  type.result = data_type(result_precision(precision));
  type.compute = precision == Precision::tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
  type.fast_sums = precision == Precision::fp8;  // Transformer Engine's default recipe
  // tn: B is the transpose of the weight (n x k); nt: A is that of the result's gradient (k x m).
  return {type, g.batch, dense(g.m, g.k, g.layout == Layout::nt), dense(g.k, g.n, g.layout == Layout::tn),
          dense(g.m, g.n, false)};
}

}  // namespace rehearse::cuda
