#include "platforms/calibrate/cuda/product.hpp"

#include <stdexcept>

#include "platforms/calibrate/cuda/work.hpp"

// cuBLASLt reads matrices by columns; what lies by rows as (r x c) is to it a matrix (c x r) by columns, without
// anything being moved. So it is asked for the transposed product C^T = B^T A^T: B is the first operand, and stored
// transposes stay what they are.

namespace rehearse::cuda {
namespace {

void check_blas(cublasStatus_t status, const char* call) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw std::runtime_error(std::string("cuBLASLt: ") + cublasLtGetStatusString(status) + " from " + call);
}
#define REHEARSE_BLAS(call) check_blas((call), #call)

/// One handle and one workspace for the process, as frameworks have them; they live as long as it does.
struct Library {
  cublasLtHandle_t handle = nullptr;
  void* workspace = nullptr;
  std::size_t workspace_bytes = std::size_t{32} << 20;

  Library() {
    if (device_attribute(cudaDevAttrComputeCapabilityMajor) >= 9) workspace_bytes *= 2;
    REHEARSE_BLAS(cublasLtCreate(&handle));
    REHEARSE_CUDA(cudaMalloc(&workspace, workspace_bytes));
  }
};
const Library& library() {
  static const Library* const one = new Library;
  return *one;
}

template <class T>
void set(cublasLtMatmulDesc_t operation, cublasLtMatmulDescAttributes_t attribute, const T& value) {
  REHEARSE_BLAS(cublasLtMatmulDescSetAttribute(operation, attribute, &value, sizeof value));
}

}  // namespace

std::string cublaslt_version() {
  const std::size_t version = cublasLtGetVersion();
  return std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) + "." +
         std::to_string(version % 100);
}

Product::Matrix Product::matrix(cudaDataType_t type, std::int64_t batch, const Operand& operand) {
  cublasLtMatrixLayout_t made = nullptr;
  REHEARSE_BLAS(cublasLtMatrixLayoutCreate(&made, type, static_cast<std::uint64_t>(operand.columns),
                                           static_cast<std::uint64_t>(operand.rows), operand.row));
  Matrix matrix(made);
  if (batch == 1) return matrix;
  const auto count = static_cast<std::int32_t>(batch);
  REHEARSE_BLAS(cublasLtMatrixLayoutSetAttribute(made, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count, sizeof count));
  REHEARSE_BLAS(cublasLtMatrixLayoutSetAttribute(made, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &operand.batch,
                                                 sizeof operand.batch));
  return matrix;
}

Product::Product(const ProductType& type, std::int64_t batch, const Operand& a, const Operand& b, const Operand& c)
    : first_(matrix(type.operands, batch, b)),
      second_(matrix(type.operands, batch, a)),
      result_(matrix(type.result, batch, c)) {
  cublasLtMatmulDesc_t made = nullptr;
  REHEARSE_BLAS(cublasLtMatmulDescCreate(&made, type.compute, CUDA_R_32F));
  operation_.reset(made);
  set(made, CUBLASLT_MATMUL_DESC_TRANSA, b.transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
  set(made, CUBLASLT_MATMUL_DESC_TRANSB, a.transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
  if (type.fast_sums) set(made, CUBLASLT_MATMUL_DESC_FAST_ACCUM, std::int8_t{1});
  choose(type.alignment);
}

/// The first choice of the library's heuristic, which is what frameworks take.
void Product::choose(std::uint32_t alignment) {
  cublasLtMatmulPreference_t made = nullptr;
  REHEARSE_BLAS(cublasLtMatmulPreferenceCreate(&made));
  const Owned<cublasLtMatmulPreference_t, cublasLtMatmulPreferenceDestroy> preference(made);
  const auto prefer = [made](cublasLtMatmulPreferenceAttributes_t attribute, const auto& value) {
    REHEARSE_BLAS(cublasLtMatmulPreferenceSetAttribute(made, attribute, &value, sizeof value));
  };
  prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, std::uint64_t{library().workspace_bytes});
  for (const auto attribute : {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
                               CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES})
    prefer(attribute, alignment);
  cublasLtMatmulHeuristicResult_t found{};
  int count = 0;
  const cublasStatus_t status =
      cublasLtMatmulAlgoGetHeuristic(library().handle, operation_.get(), first_.get(), second_.get(), result_.get(),
                                     result_.get(), made, 1, &found, &count);
  const bool none = status == CUBLAS_STATUS_SUCCESS && (count == 0 || found.state != CUBLAS_STATUS_SUCCESS);
  if (none || status == CUBLAS_STATUS_NOT_SUPPORTED || status == CUBLAS_STATUS_ARCH_MISMATCH ||
      status == CUBLAS_STATUS_INVALID_VALUE)
    throw CannotRun("cuBLASLt has no kernel for it");
  check_blas(status, "cublasLtMatmulAlgoGetHeuristic");
  algorithm_ = found.algo;
}

void Product::run(cudaStream_t stream, const void* a, const void* b, void* c, bool add) const {
  const float one = 1.0f, kept = add ? 1.0f : 0.0f;
  const Library& lt = library();
  const cublasStatus_t status =
      cublasLtMatmul(lt.handle, operation_.get(), &one, b, first_.get(), a, second_.get(), &kept, c, result_.get(), c,
                     result_.get(), &algorithm_, lt.workspace, lt.workspace_bytes, stream);
  if (status == CUBLAS_STATUS_NOT_SUPPORTED) throw CannotRun("cuBLASLt does not run the kernel that it chose");
  check_blas(status, "cublasLtMatmul");
}

}  // namespace rehearse::cuda
