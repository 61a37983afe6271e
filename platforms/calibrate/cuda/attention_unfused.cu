// Unfused attention: products by cuBLASLt with the scores in memory, and the masked softmax between them.
#include <cublasLt.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "platforms/calibrate/cuda/attention.hpp"
#include "platforms/calibrate/cuda/kernels/softmax.hpp"

namespace rehearse::cuda {
namespace {

void check_blas(cublasStatus_t status, const char* call) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw std::runtime_error(std::string("cuBLASLt: ") + cublasLtGetStatusString(status) + " from " + call);
}
#define REHEARSE_BLAS(call) check_blas((call), #call)

cublasLtHandle_t blas() {
  static const cublasLtHandle_t handle = [] {
    cublasLtHandle_t made = nullptr;
    REHEARSE_BLAS(cublasLtCreate(&made));
    return made;
  }();
  return handle;
}

constexpr std::size_t workspace_bytes = std::size_t{32} << 20;

/// Matrices by rows: `row` elements from one row to the next, `batch` from one matrix to the next.
struct Operand {
  std::int64_t rows = 0, columns = 0, row = 0, batch = 0;
  bool transposed = false;  ///< the product takes the transpose of what is stored
};
struct Size {
  std::int64_t batch = 1;
  cudaDataType_t type = CUDA_R_16BF;
  std::uint32_t alignment = 16;  ///< bytes, of all that a pointer may be moved by
};

/// C = A B or C += A B for each of a batch, accumulated in fp32.
class Product {
 public:
  Product(const Size& size, const Operand& a, const Operand& b, const Operand& c);

  void run(const void* a, const void* b, void* c, bool add, void* workspace, cudaStream_t stream) const;

 private:
  template <class T, cublasStatus_t (*destroy)(T)>
  struct Destroy {
    void operator()(T object) const { destroy(object); }
  };
  template <class T, cublasStatus_t (*destroy)(T)>
  using Owned = std::unique_ptr<std::remove_pointer_t<T>, Destroy<T, destroy>>;
  using Matrix = Owned<cublasLtMatrixLayout_t, cublasLtMatrixLayoutDestroy>;
  using Preference = Owned<cublasLtMatmulPreference_t, cublasLtMatmulPreferenceDestroy>;

  static Matrix matrix(const Size& size, const Operand& operand);
  void choose(std::uint32_t alignment);

  Owned<cublasLtMatmulDesc_t, cublasLtMatmulDescDestroy> operation_;
  Matrix first_, second_, result_;
  cublasLtMatmulAlgo_t algorithm_{};
};

/// What lies by rows is to cuBLASLt the transpose by columns.
Product::Matrix Product::matrix(const Size& size, const Operand& operand) {
  cublasLtMatrixLayout_t made = nullptr;
  REHEARSE_BLAS(cublasLtMatrixLayoutCreate(&made, size.type, static_cast<std::uint64_t>(operand.columns),
                                           static_cast<std::uint64_t>(operand.rows), operand.row));
  Matrix matrix(made);
  const auto count = static_cast<std::int32_t>(size.batch);
  REHEARSE_BLAS(cublasLtMatrixLayoutSetAttribute(made, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count, sizeof count));
  REHEARSE_BLAS(cublasLtMatrixLayoutSetAttribute(made, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &operand.batch,
                                                 sizeof operand.batch));
  return matrix;
}

// C^T = B^T A^T: B comes first.
Product::Product(const Size& size, const Operand& a, const Operand& b, const Operand& c)
    : first_(matrix(size, b)), second_(matrix(size, a)), result_(matrix(size, c)) {
  cublasLtMatmulDesc_t made = nullptr;
  REHEARSE_BLAS(cublasLtMatmulDescCreate(&made, CUBLAS_COMPUTE_32F, CUDA_R_32F));
  operation_.reset(made);
  const cublasOperation_t of_first = b.transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
  const cublasOperation_t of_second = a.transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
  REHEARSE_BLAS(cublasLtMatmulDescSetAttribute(made, CUBLASLT_MATMUL_DESC_TRANSA, &of_first, sizeof of_first));
  REHEARSE_BLAS(cublasLtMatmulDescSetAttribute(made, CUBLASLT_MATMUL_DESC_TRANSB, &of_second, sizeof of_second));
  choose(size.alignment);
}

void Product::choose(std::uint32_t alignment) {
  cublasLtMatmulPreference_t made = nullptr;
  REHEARSE_BLAS(cublasLtMatmulPreferenceCreate(&made));
  const Preference preference(made);
  const auto prefer = [made](cublasLtMatmulPreferenceAttributes_t attribute, const auto& value) {
    REHEARSE_BLAS(cublasLtMatmulPreferenceSetAttribute(made, attribute, &value, sizeof value));
  };
  prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, std::uint64_t{workspace_bytes});
  for (const auto attribute : {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
                               CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES})
    prefer(attribute, alignment);
  cublasLtMatmulHeuristicResult_t found{};
  int count = 0;
  const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(blas(), operation_.get(), first_.get(), second_.get(),
                                                               result_.get(), result_.get(), made, 1, &found, &count);
  if (status != CUBLAS_STATUS_SUCCESS || count == 0)
    throw CannotRun("cuBLASLt has no kernel for a product of unfused attention");
  algorithm_ = found.algo;
}

void Product::run(const void* a, const void* b, void* c, bool add, void* workspace, cudaStream_t stream) const {
  const float one = 1.0f, kept = add ? 1.0f : 0.0f;
  REHEARSE_BLAS(cublasLtMatmul(blas(), operation_.get(), &one, b, first_.get(), a, second_.get(), &kept, c,
                               result_.get(), c, result_.get(), &algorithm_, workspace, workspace_bytes, stream));
}

/// One launch of each product covers one query head of each group; all batch entries too, where they lie evenly.
class UnfusedAttention : public AttentionCore {
 public:
  UnfusedAttention(const Attention& attention, Precision precision, const AttentionLayout& layout, Arena& arena);

  [[nodiscard]] std::size_t saved_bytes() const override { return static_cast<std::size_t>(elements()) * 2; }
  void forward(const AttentionInputs& in, void* o, void* saved, cudaStream_t stream) override;
  void backward(const AttentionInputs& in, const void* o, const void* grad_o, const void* saved,
                const AttentionGradients& out, cudaStream_t stream) override;

 private:
  /// Offsets of a launch's first matrices, in elements.
  struct Place {
    std::int64_t q = 0, k = 0, v = 0, o = 0, scores = 0;
    bool add = false;  ///< to the gradients of K and V
  };
  void plan_products();
  template <class Visit>
  void each_place(const Visit& visit) const;
  [[nodiscard]] std::int64_t elements() const { return shape_.batch * shape_.heads * shape_.seq_q * shape_.seq_kv; }
  [[nodiscard]] std::int64_t group() const { return shape_.heads / shape_.kv_heads; }
  [[nodiscard]] float scale() const {
    return static_cast<float>(1.0 / std::sqrt(static_cast<double>(shape_.head_dim)));
  }
  template <class T>
  void softmax(void* probabilities, cudaStream_t stream) const;
  template <class T>
  void softmax_gradient(const void* probabilities, cudaStream_t stream) const;

  Attention shape_;
  Precision precision_;
  AttentionLayout at_;
  bool even_ = false;  ///< the heads of all batch entries lie at one stride
  std::optional<Product> scores_, context_, grad_p_, grad_v_, grad_q_, grad_k_;
  void *scratch_ = nullptr, *workspace_ = nullptr;
};

// All elements take two bytes here.
const void* moved(const void* base, std::int64_t elements) { return static_cast<const char*>(base) + 2 * elements; }
void* moved(void* base, std::int64_t elements) { return static_cast<char*>(base) + 2 * elements; }

UnfusedAttention::UnfusedAttention(const Attention& attention, Precision precision, const AttentionLayout& layout,
                                   Arena& arena)
    : shape_(attention), precision_(precision), at_(layout) {
  if (precision != Precision::bf16 && precision != Precision::fp16)
    throw CannotRun("unfused attention is timed in bf16 and fp16 only");
  const auto even = [](const HeadStrides& strides, std::int64_t heads) {
    return strides.batch == heads * strides.head;
  };
  even_ = shape_.batch == 1 || (even(at_.q, shape_.heads) && even(at_.o, shape_.heads) &&
                                even(at_.k, shape_.kv_heads) && even(at_.v, shape_.kv_heads));
  plan_products();
  scratch_ = arena.take_bytes(saved_bytes());
  workspace_ = arena.take_bytes(workspace_bytes);
}

void UnfusedAttention::plan_products() {
  const auto [batch, heads, kv_heads, seq_q, seq_kv, head_dim, causal, backward, fused] = shape_;
  const cudaDataType_t type = precision_ == Precision::bf16 ? CUDA_R_16BF : CUDA_R_16F;
  const std::int64_t count = (even_ ? batch : 1) * kv_heads;
  const std::uint32_t alignment = seq_q * seq_kv % 8 == 0 ? 16 : 2;
  const Operand q{seq_q, head_dim, at_.q.token, group() * at_.q.head};
  const Operand o{seq_q, head_dim, at_.o.token, group() * at_.o.head};
  const Operand k{seq_kv, head_dim, at_.k.token, at_.k.head};
  const Operand v{seq_kv, head_dim, at_.v.token, at_.v.head};
  const Operand scores{seq_q, seq_kv, seq_kv, group() * seq_q * seq_kv};
  const auto transposed = [](Operand operand) {
    operand.transposed = true;
    return operand;
  };
  const Size size{count, type, alignment};
  scores_.emplace(size, q, transposed(k), scores);
  context_.emplace(size, scores, v, o);
  if (!backward) return;
  grad_p_.emplace(size, o, transposed(v), scores);
  grad_v_.emplace(size, transposed(scores), o, v);
  grad_q_.emplace(size, scores, k, q);
  grad_k_.emplace(size, transposed(scores), q, k);
}

template <class Visit>
void UnfusedAttention::each_place(const Visit& visit) const {
  const std::int64_t matrix = shape_.seq_q * shape_.seq_kv;
  for (std::int64_t b = 0; b < (even_ ? 1 : shape_.batch); ++b)
    for (std::int64_t g = 0; g < group(); ++g)
      visit(Place{b * at_.q.batch + g * at_.q.head, b * at_.k.batch, b * at_.v.batch, b * at_.o.batch + g * at_.o.head,
                  (b * shape_.heads + g) * matrix, g > 0});
}

template <class T>
void UnfusedAttention::softmax(void* probabilities, cudaStream_t stream) const {
  softmax_forward(static_cast<const T*>(scratch_), static_cast<T*>(probabilities), elements() / shape_.seq_kv,
                  shape_.seq_kv, shape_.causal, shape_.seq_q, scale(), stream);
}

template <class T>
void UnfusedAttention::softmax_gradient(const void* probabilities, cudaStream_t stream) const {
  softmax_backward(static_cast<const T*>(probabilities), static_cast<const T*>(scratch_), static_cast<T*>(scratch_),
                   elements() / shape_.seq_kv, shape_.seq_kv, scale(), stream);
}

void UnfusedAttention::forward(const AttentionInputs& in, void* o, void* saved, cudaStream_t stream) {
  each_place([&](const Place& at) {
    scores_->run(moved(in.q, at.q), moved(in.k, at.k), moved(scratch_, at.scores), false, workspace_, stream);
  });
  precision_ == Precision::bf16 ? softmax<__nv_bfloat16>(saved, stream) : softmax<__half>(saved, stream);
  each_place([&](const Place& at) {
    context_->run(moved(saved, at.scores), moved(in.v, at.v), moved(o, at.o), false, workspace_, stream);
  });
}

void UnfusedAttention::backward(const AttentionInputs& in, const void*, const void* grad_o, const void* saved,
                                const AttentionGradients& out, cudaStream_t stream) {
  each_place([&](const Place& at) {
    const void* const rows = moved(grad_o, at.o);
    grad_p_->run(rows, moved(in.v, at.v), moved(scratch_, at.scores), false, workspace_, stream);
    grad_v_->run(moved(saved, at.scores), rows, moved(out.v, at.v), at.add, workspace_, stream);
  });
  precision_ == Precision::bf16 ? softmax_gradient<__nv_bfloat16>(saved, stream)
                                : softmax_gradient<__half>(saved, stream);
  each_place([&](const Place& at) {
    const void* const grad_scores = moved(scratch_, at.scores);
    grad_q_->run(grad_scores, moved(in.k, at.k), moved(out.q, at.q), false, workspace_, stream);
    grad_k_->run(grad_scores, moved(in.q, at.q), moved(out.k, at.k), at.add, workspace_, stream);
  });
}

}  // namespace

std::unique_ptr<AttentionCore> unfused_attention(const Attention& attention, Precision precision,
                                                 const AttentionLayout& layout, Arena& arena) {
  return std::make_unique<UnfusedAttention>(attention, precision, layout, arena);
}

}  // namespace rehearse::cuda
