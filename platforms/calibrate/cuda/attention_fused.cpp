// Fused attention: the graphs that cuDNN knows as scaled dot product attention (Dao et al. 2022), forward and backward.
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "platforms/calibrate/cuda/attention.hpp"
#include "platforms/calibrate/cuda/cudnn_graph.hpp"

namespace rehearse::cuda {

#if REHEARSE_CUDNN

namespace {

using Tensor = CudnnGraph::Tensor;

cudnnDataType_t type_of(Precision precision) {
  if (precision == Precision::bf16) return CUDNN_DATA_BFLOAT16;
  if (precision == Precision::fp16) return CUDNN_DATA_HALF;
  throw CannotRun("fused attention is timed in bf16 and fp16 only");
}

/// What both graphs are made of.
class Builder {
 public:
  Builder(CudnnGraph& graph, const Attention& attention, Precision precision)
      : graph_(graph),
        attention_(attention),
        type_(type_of(precision)),
        q_{attention.batch, attention.heads, attention.seq_q, attention.head_dim},
        kv_{attention.batch, attention.kv_heads, attention.seq_kv, attention.head_dim},
        scores_{attention.batch, attention.heads, attention.seq_q, attention.seq_kv},
        sums_{attention.batch, attention.heads, attention.seq_q, 1},
        scale_(graph.scalar(static_cast<float>(1.0 / std::sqrt(static_cast<double>(attention.head_dim))))) {}

  Tensor query(const HeadStrides& at) { return graph_.buffer(q_, {at.batch, at.head, at.token, 1}, type_); }
  Tensor key(const HeadStrides& at) { return graph_.buffer(kv_, {at.batch, at.head, at.token, 1}, type_); }
  /// K or V with its last two dimensions exchanged.
  Tensor key_transposed(const HeadStrides& at) {
    return graph_.buffer({kv_[0], kv_[1], kv_[3], kv_[2]}, {at.batch, at.head, 1, at.token}, type_);
  }
  Tensor sums() { return graph_.buffer(sums_, dense(sums_), CUDNN_DATA_FLOAT); }

  /// Scaled; of the keys that a query does not see, the lowest number.
  Tensor masked_scores(Tensor q, Tensor k_transposed) {
    const Tensor products = scores();
    graph_.matmul(q, k_transposed, products);
    const Tensor scaled = times(products, scale_);
    return attention_.causal ? mask(scaled) : scaled;
  }
  Tensor scores() { return graph_.temporary(scores_, CUDNN_DATA_FLOAT); }
  /// As the products of tensor cores take it.
  Tensor rounded_scores() { return graph_.temporary(scores_, type_); }
  Tensor row_sums() { return graph_.temporary(sums_, CUDNN_DATA_FLOAT); }

  Tensor times(Tensor x, Tensor b) { return into_scores(CUDNN_POINTWISE_MUL, x, b); }
  Tensor minus(Tensor x, Tensor b) { return into_scores(CUDNN_POINTWISE_SUB, x, b); }
  Tensor exp(Tensor x) {
    const Tensor out = scores();
    graph_.unary(CUDNN_POINTWISE_EXP, x, out);
    return out;
  }
  Tensor over_row(cudnnReduceTensorOp_t op, Tensor x) {
    const Tensor out = row_sums();
    graph_.reduce(op, x, out);
    return out;
  }
  /// A gradient of K or V from scores of (batch, heads, seq_kv, seq_q), summed over the queries that share a head.
  void key_gradient(Tensor scores_of_queries, Tensor rows, Tensor out) {
    const Tensor turned = graph_.temporary({scores_[0], scores_[1], scores_[3], scores_[2]},
                                           {dense(scores_)[0], dense(scores_)[1], 1, scores_[3]}, type_);
    graph_.reshape(scores_of_queries, turned);
    if (attention_.heads == attention_.kv_heads) return graph_.matmul(turned, rows, out);
    const Tensor of_each_head = graph_.scratch({kv_[0], q_[1], kv_[2], kv_[3]}, type_);
    graph_.matmul(turned, rows, of_each_head);
    graph_.reduce(CUDNN_REDUCE_TENSOR_ADD, of_each_head, out);
  }
  [[nodiscard]] Tensor scale() const { return scale_; }
  [[nodiscard]] const Dims& q_dims() const { return q_; }
  [[nodiscard]] const Dims& sum_dims() const { return sums_; }
  [[nodiscard]] const Dims& kv_dims() const { return kv_; }
  [[nodiscard]] cudnnDataType_t type() const { return type_; }

 private:
  Tensor into_scores(cudnnPointwiseMode_t mode, Tensor x, Tensor b) {
    const Tensor out = scores();
    graph_.binary(mode, x, b, out);
    return out;
  }
  Tensor moved(cudnnPointwiseMode_t mode, Tensor places, std::int64_t by) {
    const Tensor out = graph_.temporary(scores_, CUDNN_DATA_INT32);
    graph_.binary(mode, places, graph_.scalar(static_cast<std::int32_t>(by)), out, CUDNN_DATA_INT32);
    return out;
  }
  /// Query i sees the first seq_kv - seq_q + i + 1 keys.
  Tensor mask(Tensor all) {
    Tensor row = graph_.temporary(scores_, CUDNN_DATA_INT32);
    graph_.index(2, all, row);
    if (attention_.seq_q != attention_.seq_kv) {
      // In two steps, by which cuDNN knows a mask that ends in the lower right corner.
      row = moved(CUDNN_POINTWISE_ADD, row, attention_.seq_kv);
      row = moved(CUDNN_POINTWISE_SUB, row, attention_.seq_q);
    }
    const Tensor column = graph_.temporary(scores_, CUDNN_DATA_INT32);
    graph_.index(3, all, column);
    const Tensor sees = graph_.temporary(scores_, CUDNN_DATA_BOOLEAN);
    graph_.binary(CUDNN_POINTWISE_CMP_GE, row, column, sees, CUDNN_DATA_BOOLEAN);
    const Tensor out = scores();
    graph_.select(sees, all, graph_.scalar(std::numeric_limits<float>::lowest()), out);
    return out;
  }

  CudnnGraph& graph_;
  Attention attention_;
  cudnnDataType_t type_;
  Dims q_, kv_, scores_, sums_;
  Tensor scale_;
};

/// Buffers: q, k, v, o, and of each query the logarithm of the sum of the exponentials of its scores.
void build_forward(CudnnGraph& graph, const Attention& attention, Precision precision, const AttentionLayout& layout) {
  Builder build(graph, attention, precision);
  const Tensor q = build.query(layout.q), k = build.key_transposed(layout.k), v = build.key(layout.v);
  const Tensor o = build.query(layout.o), log_sum = build.sums();

  const Tensor scores = build.masked_scores(q, k);
  const Tensor most = build.over_row(CUDNN_REDUCE_TENSOR_MAX, scores);
  const Tensor exponentials = build.exp(build.minus(scores, most));
  const Tensor sum = build.over_row(CUDNN_REDUCE_TENSOR_ADD, exponentials);
  const Tensor log_of_sum = build.row_sums();
  graph.unary(CUDNN_POINTWISE_LOG, sum, log_of_sum);
  graph.binary(CUDNN_POINTWISE_ADD, most, log_of_sum, log_sum);
  const Tensor probabilities = build.rounded_scores();
  graph.binary(CUDNN_POINTWISE_DIV, exponentials, sum, probabilities);
  graph.matmul(probabilities, v, o);
  graph.plan();
}

/// Buffers: q, k, v, o, the gradient of o, the forward pass's sums, the gradients of q, k and v.
void build_backward(CudnnGraph& graph, const Attention& attention, Precision precision, const AttentionLayout& layout) {
  Builder build(graph, attention, precision);
  const Tensor q = build.query(layout.q), k = build.key_transposed(layout.k), v = build.key_transposed(layout.v);
  const Tensor o = build.query(layout.o), grad_o = build.query(layout.o), log_sum = build.sums();
  const Tensor grad_q = build.query(layout.q), grad_k = build.key(layout.k), grad_v = build.key(layout.v);

  // Of each query, the sum of dO * O is that of dP * P over its keys. The factor is one over the share that dropout
  // keeps: cuDNN looks for it, and without it takes a slower plan with all of dS in memory.
  const Tensor product = graph.temporary(build.q_dims(), CUDNN_DATA_FLOAT);
  graph.binary(CUDNN_POINTWISE_MUL, grad_o, o, product);
  const Tensor unscaled = build.over_row(CUDNN_REDUCE_TENSOR_ADD, product);
  const Tensor sum = graph.scratch(build.sum_dims(), CUDNN_DATA_FLOAT);
  graph.binary(CUDNN_POINTWISE_MUL, unscaled, graph.scalar(1.0f), sum);

  const Tensor probabilities = build.exp(build.minus(build.masked_scores(q, k), log_sum));
  build.key_gradient(probabilities, grad_o, grad_v);

  const Tensor grad_p = build.scores();
  graph.matmul(grad_o, v, grad_p);
  const Tensor grad_s = build.times(build.minus(grad_p, sum), probabilities);
  const Tensor grad_scores = build.rounded_scores();
  graph.binary(CUDNN_POINTWISE_MUL, grad_s, build.scale(), grad_scores);
  build.key_gradient(grad_scores, q, grad_k);

  const Tensor k_again =
      graph.temporary(build.kv_dims(), {layout.k.batch, layout.k.head, layout.k.token, 1}, build.type());
  graph.reshape(k, k_again);
  // Without an accumulator cuDNN keeps all of grad_scores in memory.
  const Tensor added = graph.accumulator(build.q_dims());
  graph.matmul(grad_scores, k_again, added);
  graph.unary(CUDNN_POINTWISE_IDENTITY, added, grad_q);
  graph.plan();
}

/// The forward graph of the last shape is kept: cuDNN compiles for half a second, and whoever times the backward pass
/// of a shape has often just timed the forward one.
std::shared_ptr<const CudnnGraph> forward_graph(Attention attention, Precision precision,
                                                const AttentionLayout& layout) {
  struct Last {
    Attention attention;
    Precision precision{};
    AttentionLayout layout;
    std::shared_ptr<const CudnnGraph> graph;
  };
  static Last* const last = new Last;  // never freed: cuDNN may be gone when the program ends
  attention.backward = false;
  if (last->graph && last->attention == attention && last->precision == precision && last->layout == layout)
    return last->graph;
  const auto graph = std::make_shared<CudnnGraph>("attention forward");
  build_forward(*graph, attention, precision, layout);
  *last = {attention, precision, layout, graph};
  return graph;
}

class FusedAttention : public AttentionCore {
 public:
  FusedAttention(const Attention& attention, Precision precision, const AttentionLayout& layout, Arena& arena)
      : attention_(attention), forward_(forward_graph(attention, precision, layout)), backward_("attention backward") {
    if (attention.backward) build_backward(backward_, attention, precision, layout);
    workspace_ =
        arena.take_bytes(std::max({forward_->workspace_bytes(), backward_.workspace_bytes(), std::size_t{256}}));
  }

  [[nodiscard]] std::size_t saved_bytes() const override {
    return static_cast<std::size_t>(attention_.batch * attention_.heads * attention_.seq_q) * sizeof(float);
  }
  void forward(const AttentionInputs& in, void* o, void* saved, cudaStream_t stream) override {
    forward_->run({mut(in.q), mut(in.k), mut(in.v), o, saved}, workspace_, stream);
  }
  void backward(const AttentionInputs& in, const void* o, const void* grad_o, const void* saved,
                const AttentionGradients& out, cudaStream_t stream) override {
    backward_.run({mut(in.q), mut(in.k), mut(in.v), mut(o), mut(grad_o), mut(saved), out.q, out.k, out.v}, workspace_,
                  stream);
  }

 private:
  /// cuDNN takes all buffers as mutable, those that it only reads too.
  static void* mut(const void* pointer) { return const_cast<void*>(pointer); }

  Attention attention_;
  std::shared_ptr<const CudnnGraph> forward_;
  CudnnGraph backward_;
  void* workspace_ = nullptr;
};

}  // namespace

std::unique_ptr<AttentionCore> fused_attention(const Attention& attention, Precision precision,
                                               const AttentionLayout& layout, Arena& arena) {
  return std::make_unique<FusedAttention>(attention, precision, layout, arena);
}

#else

std::unique_ptr<AttentionCore> fused_attention(const Attention&, Precision, const AttentionLayout&, Arena&) {
  throw CannotRun("cuDNN's headers were not there when this was built");
}

#endif

}  // namespace rehearse::cuda
