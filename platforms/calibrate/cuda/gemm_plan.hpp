// A matrix product in the cuBLASLt kernel that frameworks would run.
#pragma once

#include <cublasLt.h>
#include <cuda_runtime.h>

#include <cstddef>
#include <memory>
#include <string>
#include <type_traits>

#include "platforms/kernel.hpp"

namespace rehearse::cuda {

/// "13.1.0", of the library that was loaded.
std::string cublaslt_version();

/// Precision in which a product's result is stored: of fp8 products bf16, of others their own.
Precision result_precision(Precision precision);

/// Elements of an operand or the result, all batches together.
std::size_t elements_a(const Gemm& gemm);
std::size_t elements_b(const Gemm& gemm);
std::size_t elements_c(const Gemm& gemm);

/// C = A B with A, B and C as kernel.hpp lays them out, batches one after another, accumulated in fp32, without scaling
/// and without what was in C. All plans share one workspace: launch them on one stream.
class GemmPlan {
 public:
  /// Throws CannotRun where cuBLASLt has no kernel for it.
  GemmPlan(const Gemm& gemm, Precision precision);

  /// Pointers on the device, aligned to 256 bytes.
  void run(cudaStream_t stream, const void* a, const void* b, void* c) const;

 private:
  template <class T, cublasStatus_t (*destroy)(T)>
  struct Destroy {
    void operator()(T object) const { destroy(object); }
  };
  template <class T, cublasStatus_t (*destroy)(T)>
  using Owned = std::unique_ptr<std::remove_pointer_t<T>, Destroy<T, destroy>>;
  using Matrix = Owned<cublasLtMatrixLayout_t, cublasLtMatrixLayoutDestroy>;

  static Matrix matrix(cudaDataType_t type, std::int64_t rows, std::int64_t columns, std::int64_t batch);
  void choose(Precision precision);

  Owned<cublasLtMatmulDesc_t, cublasLtMatmulDescDestroy> operation_;
  Matrix first_, second_, result_;
  cublasLtMatmulAlgo_t algorithm_{};
};

}  // namespace rehearse::cuda
