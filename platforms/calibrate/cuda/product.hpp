// A matrix product in the cuBLASLt kernel that frameworks would run, on matrices that lie by rows, anywhere.
#pragma once

#include <cublasLt.h>
#include <cuda_runtime.h>

#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>

namespace rehearse::cuda {

/// "13.1.0", of the library that was loaded.
std::string cublaslt_version();

/// Matrices by rows, in elements: `row` from one row to the next, `batch` from one matrix to the next.
struct Operand {
  std::int64_t rows = 0, columns = 0, row = 0, batch = 0;
  bool transposed = false;  ///< the product takes the transpose of what is stored
};

struct ProductType {
  cudaDataType_t operands = CUDA_R_16BF, result = CUDA_R_16BF;
  cublasComputeType_t compute = CUBLAS_COMPUTE_32F;
  bool fast_sums = false;         ///< fp8: sums in the tensor cores' own precision, as frameworks run forward products
  std::uint32_t alignment = 256;  ///< bytes, of every pointer that it is run on
};

/// C = A B, or C += A B, for each of a batch, accumulated in fp32. All products share one workspace: run them on one
/// stream at a time. Only enqueues.
class Product {
 public:
  /// Throws CannotRun where cuBLASLt has no kernel for it.
  Product(const ProductType& type, std::int64_t batch, const Operand& a, const Operand& b, const Operand& c);
  void run(cudaStream_t stream, const void* a, const void* b, void* c, bool add = false) const;

 private:
  template <class T, cublasStatus_t (*destroy)(T)>
  struct Destroy {
    void operator()(T object) const { destroy(object); }
  };
  template <class T, cublasStatus_t (*destroy)(T)>
  using Owned = std::unique_ptr<std::remove_pointer_t<T>, Destroy<T, destroy>>;
  using Matrix = Owned<cublasLtMatrixLayout_t, cublasLtMatrixLayoutDestroy>;

  static Matrix matrix(cudaDataType_t type, std::int64_t batch, const Operand& operand);
  void choose(std::uint32_t alignment);

  Owned<cublasLtMatmulDesc_t, cublasLtMatmulDescDestroy> operation_;
  Matrix first_, second_, result_;
  cublasLtMatmulAlgo_t algorithm_{};
};

}  // namespace rehearse::cuda
