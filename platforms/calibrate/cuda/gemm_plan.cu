#include "platforms/calibrate/cuda/gemm_plan.hpp"

#include <stdexcept>

#include "platforms/calibrate/cuda/work.hpp"

// cuBLASLt reads matrices by columns, C of kernel.hpp lies by rows: so it is asked for the transposed product
// C^T = B^T A^T, with n rows, m columns, and B as the first operand. What lies by rows as (r x c) is to cuBLASLt a
// matrix (c x r) by columns with leading dimension c, without anything being moved:
//
//   layout  B lies by rows as   to cuBLASLt     op   A lies by rows as   to cuBLASLt     op
//   tn      n x k (weight)      k x n, ld k     T    m x k (input)       k x m, ld k     N
//   nn      k x n (weight)      n x k, ld n     N    m x k (gradient)    k x m, ld k     N
//   nt      k x n (input)       n x k, ld n     N    k x m (gradient)    m x k, ld m     T
//
// where op(first) must be n x k and op(second) k x m: it is, in each row.

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
    int device = 0, major = 0;
    REHEARSE_CUDA(cudaGetDevice(&device));
    REHEARSE_CUDA(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device));
    if (major >= 9) workspace_bytes *= 2;
    REHEARSE_BLAS(cublasLtCreate(&handle));
    REHEARSE_CUDA(cudaMalloc(&workspace, workspace_bytes));
  }
};
const Library& library() {
  static const Library* const one = new Library;
  return *one;
}

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

bool whole_sixteens(const Gemm& gemm) { return gemm.m % 16 == 0 && gemm.n % 16 == 0 && gemm.k % 16 == 0; }

void hold_fp8(const Gemm& gemm) {
  if (gemm.layout != Layout::tn) throw CannotRun("fp8 products have the layout tn only");
  if (!whole_sixteens(gemm)) throw CannotRun("fp8 products need multiples of 16");
}

template <class T>
void set(cublasLtMatmulDesc_t operation, cublasLtMatmulDescAttributes_t attribute, const T& value) {
  REHEARSE_BLAS(cublasLtMatmulDescSetAttribute(operation, attribute, &value, sizeof value));
}

cublasLtMatmulDesc_t new_operation(Precision precision) {
  cublasLtMatmulDesc_t operation = nullptr;
  const auto compute = precision == Precision::tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
  REHEARSE_BLAS(cublasLtMatmulDescCreate(&operation, compute, CUDA_R_32F));
  return operation;
}

}  // namespace

std::string cublaslt_version() {
  const std::size_t version = cublasLtGetVersion();
  return std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) + "." +
         std::to_string(version % 100);
}

Precision result_precision(Precision precision) { return precision == Precision::fp8 ? Precision::bf16 : precision; }

std::size_t elements_a(const Gemm& g) { return static_cast<std::size_t>(g.batch * g.m * g.k); }
std::size_t elements_b(const Gemm& g) { return static_cast<std::size_t>(g.batch * g.k * g.n); }
std::size_t elements_c(const Gemm& g) { return static_cast<std::size_t>(g.batch * g.m * g.n); }

GemmPlan::Matrix GemmPlan::matrix(cudaDataType_t type, std::int64_t rows, std::int64_t columns, std::int64_t batch) {
  cublasLtMatrixLayout_t made = nullptr;
  REHEARSE_BLAS(cublasLtMatrixLayoutCreate(&made, type, static_cast<std::uint64_t>(rows),
                                           static_cast<std::uint64_t>(columns), rows));
  Matrix layout(made);
  if (batch == 1) return layout;
  const auto count = static_cast<std::int32_t>(batch);
  const std::int64_t stride = rows * columns;
  REHEARSE_BLAS(cublasLtMatrixLayoutSetAttribute(made, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count, sizeof count));
  REHEARSE_BLAS(
      cublasLtMatrixLayoutSetAttribute(made, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &stride, sizeof stride));
  return layout;
}

GemmPlan::GemmPlan(const Gemm& g, Precision precision) {
  if (precision == Precision::fp8) hold_fp8(g);
  const cudaDataType_t type = data_type(precision);
  operation_.reset(new_operation(precision));
  const cublasOperation_t transpose_first = g.layout == Layout::tn ? CUBLAS_OP_T : CUBLAS_OP_N;
  const cublasOperation_t transpose_second = g.layout == Layout::nt ? CUBLAS_OP_T : CUBLAS_OP_N;
  set(operation_.get(), CUBLASLT_MATMUL_DESC_TRANSA, transpose_first);
  set(operation_.get(), CUBLASLT_MATMUL_DESC_TRANSB, transpose_second);
  // As frameworks run forward products in fp8 (Transformer Engine's default recipe).
  if (precision == Precision::fp8) set(operation_.get(), CUBLASLT_MATMUL_DESC_FAST_ACCUM, std::int8_t{1});
  first_ = g.layout == Layout::tn ? matrix(type, g.k, g.n, g.batch) : matrix(type, g.n, g.k, g.batch);
  second_ = g.layout == Layout::nt ? matrix(type, g.m, g.k, g.batch) : matrix(type, g.k, g.m, g.batch);
  result_ = matrix(data_type(result_precision(precision)), g.n, g.m, g.batch);
  choose(precision);
}

/// The first choice of the library's heuristic, which is what frameworks take.
void GemmPlan::choose(Precision precision) {
  cublasLtMatmulPreference_t made = nullptr;
  REHEARSE_BLAS(cublasLtMatmulPreferenceCreate(&made));
  const Owned<cublasLtMatmulPreference_t, cublasLtMatmulPreferenceDestroy> preference(made);
  const std::size_t workspace = library().workspace_bytes;
  REHEARSE_BLAS(cublasLtMatmulPreferenceSetAttribute(made, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace,
                                                     sizeof workspace));
  cublasLtMatmulHeuristicResult_t found{};
  int count = 0;
  const cublasStatus_t status =
      cublasLtMatmulAlgoGetHeuristic(library().handle, operation_.get(), first_.get(), second_.get(), result_.get(),
                                     result_.get(), made, 1, &found, &count);
  const bool none = status == CUBLAS_STATUS_SUCCESS && (count == 0 || found.state != CUBLAS_STATUS_SUCCESS);
  if (none || status == CUBLAS_STATUS_NOT_SUPPORTED || status == CUBLAS_STATUS_ARCH_MISMATCH ||
      status == CUBLAS_STATUS_INVALID_VALUE)
    throw CannotRun("cuBLASLt has no kernel in " + std::string(precision_name(precision)));
  check_blas(status, "cublasLtMatmulAlgoGetHeuristic");
  algorithm_ = found.algo;
}

void GemmPlan::run(cudaStream_t stream, const void* a, const void* b, void* c) const {
  const float one = 1.0f, zero = 0.0f;
  const Library& lt = library();
  const cublasStatus_t status =
      cublasLtMatmul(lt.handle, operation_.get(), &one, b, first_.get(), a, second_.get(), &zero, c, result_.get(), c,
                     result_.get(), &algorithm_, lt.workspace, lt.workspace_bytes, stream);
  if (status == CUBLAS_STATUS_NOT_SUPPORTED) throw CannotRun("cuBLASLt does not run the kernel that it chose");
  check_blas(status, "cublasLtMatmul");
}

}  // namespace rehearse::cuda
