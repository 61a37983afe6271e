// Attention by heads (workloads/layers/attention.cpp), its core kernel by kernel.
#include <cmath>
#include <limits>

#include "workloads/proof/kernel_scope.hpp"

namespace rehearse {

namespace {

using Eigen::Index;

/// Columns of "queries, keys, values", and of its gradient.
struct Columns {
  explicit Columns(const AttentionShape& a)
      : queries(a.heads * a.head_dim), keys(a.kv_heads * a.head_dim), values(a.kv_heads * a.value_dim) {}
  [[nodiscard]] Index all() const { return queries + keys + values; }
  Index queries, keys, values;
};

/// One head of one sample: where its rows and columns are.
struct Head {
  Index row;                        ///< of tokens
  Index score;                      ///< of scores, which lie sample by sample and head by head
  Index query, key, value, output;  ///< columns
};

template <class Each>
void for_heads(const RankShape& shape, Each each) {
  const AttentionShape& a = shape.attention;
  const Columns c(a);
  for (Index sample = 0; sample < shape.samples; ++sample)
    for (Index head = 0; head < a.heads; ++head) {
      const Index group = head / (a.heads / a.kv_heads);
      each(Head{sample * shape.sample_tokens, (sample * a.heads + head) * shape.sample_tokens, head * a.head_dim,
                c.queries + group * a.head_dim, c.queries + c.keys + group * a.value_dim, head * a.value_dim});
    }
}

double scale_of(const RankShape& shape) { return 1 / std::sqrt(static_cast<double>(shape.attention.head_dim)); }

void rotate_rows(const KernelScope& k, std::string_view name, Turn turn) {
  const Columns c(k.shape().attention);
  Matrix x = k.read(name);
  x.leftCols(c.queries + c.keys) =
      rotate(x.leftCols(c.queries + c.keys), k.shape().attention.head_dim, k.shape().positions, turn);
  k.write(name, std::move(x));
}

Matrix zeros_of_scores(const RankShape& s) {
  return Matrix::Zero(s.samples * s.attention.heads * s.sample_tokens, s.sample_tokens);
}

void scores(const KernelScope& k) {
  const RankShape& s = k.shape();
  const Index n = s.sample_tokens, d = s.attention.head_dim;
  const Matrix& qkv = k.read("queries, keys, values");
  Matrix out = zeros_of_scores(s);
  for_heads(s, [&](const Head& at) {
    out.middleRows(at.score, n) =
        scale_of(s) * qkv.block(at.row, at.query, n, d) * qkv.block(at.row, at.key, n, d).transpose();
  });
  k.write("scores", std::move(out));
}

void mask_and_softmax(const KernelScope& k) {
  const RankShape& s = k.shape();
  Matrix p = k.read("scores");
  for (Index row = 0; row < p.rows(); ++row)
    for (Index key = 0; key < p.cols(); ++key)
      if (s.positions[static_cast<std::size_t>(key)] > s.positions[static_cast<std::size_t>(row % s.sample_tokens)])
        p(row, key) = -std::numeric_limits<double>::infinity();
  const Matrix maximum = row_maximum(p), sum = exponential_sum(p, maximum);
  p = (p.colwise() - maximum.col(0)).array().exp().colwise() / sum.col(0).array();
  k.write("probabilities", std::move(p));
}

/// What weighs the values: dropped or not.
const Matrix& weights_of(const KernelScope& k) {
  return k.read(k.model().dropout ? "dropped probabilities" : "probabilities");
}

void context(const KernelScope& k) {
  const RankShape& s = k.shape();
  const Index n = s.sample_tokens, v = s.attention.value_dim;
  const Matrix &qkv = k.read("queries, keys, values"), &p = weights_of(k);
  Matrix out(s.tokens, s.attention.heads * v);
  for_heads(s, [&](const Head& at) {
    out.block(at.row, at.output, n, v) = p.middleRows(at.score, n) * qkv.block(at.row, at.value, n, v);
  });
  k.write("context", std::move(out));
}

void gradient_of_probabilities(const KernelScope& k) {
  const RankShape& s = k.shape();
  const Index n = s.sample_tokens, v = s.attention.value_dim;
  const Matrix &qkv = k.read("queries, keys, values"), &given = k.read("context gradient");
  Matrix out = zeros_of_scores(s);
  for_heads(s, [&](const Head& at) {
    out.middleRows(at.score, n) = given.block(at.row, at.output, n, v) * qkv.block(at.row, at.value, n, v).transpose();
  });
  k.write("probabilities gradient", std::move(out));
}

void gradient_of_values(const KernelScope& k) {
  const RankShape& s = k.shape();
  const Index n = s.sample_tokens, v = s.attention.value_dim;
  const Matrix &p = weights_of(k), &given = k.read("context gradient");
  Matrix out = Matrix::Zero(s.tokens, Columns(s.attention).all());
  for_heads(s, [&](const Head& at) {
    out.block(at.row, at.value, n, v) += p.middleRows(at.score, n).transpose() * given.block(at.row, at.output, n, v);
  });
  k.write("qkv gradient", std::move(out));
}

void softmax_gradient(const KernelScope& k) {
  const Matrix& p = k.read("probabilities");
  Matrix g = k.read("probabilities gradient");
  const Eigen::VectorXd along = g.cwiseProduct(p).rowwise().sum();
  g = (g.colwise() - along).cwiseProduct(p);
  k.write("probabilities gradient", std::move(g));
}

void gradient_of_queries_or_keys(const KernelScope& k, bool of_keys) {
  const RankShape& s = k.shape();
  const Index n = s.sample_tokens, d = s.attention.head_dim;
  const Matrix &qkv = k.read("queries, keys, values"), &g = k.read("probabilities gradient");
  Matrix out = k.read("qkv gradient");
  for_heads(s, [&](const Head& at) {
    const auto of_scores = g.middleRows(at.score, n);
    if (of_keys)
      out.block(at.row, at.key, n, d) += scale_of(s) * of_scores.transpose() * qkv.block(at.row, at.query, n, d);
    else
      out.block(at.row, at.query, n, d) += scale_of(s) * of_scores * qkv.block(at.row, at.key, n, d);
  });
  k.write("qkv gradient", std::move(out));
}

/// Calls `each(first row, queries, keys)` for every sample.
template <class Each>
void for_samples(const KernelScope& k, Each each) {
  const RankShape& s = k.shape();
  const Columns c(s.attention);
  const Matrix& qkv = k.read("queries, keys, values");
  const RowPositions positions(s.positions.begin(), s.positions.begin() + s.sample_tokens);
  for (Index row = 0; row < s.tokens; row += s.sample_tokens) {
    const auto rows = qkv.middleRows(row, s.sample_tokens);
    each(row, Queries{rows.leftCols(c.queries), positions},
         Keys{rows.middleCols(c.queries, c.keys), rows.rightCols(c.values), positions});
  }
}

void fused(const KernelScope& k) {
  const RankShape& s = k.shape();
  Matrix out(s.tokens, s.attention.heads * s.attention.value_dim);
  for_samples(k, [&](Index row, const Queries& queries, const Keys& keys) {
    out.middleRows(row, s.sample_tokens) = attention_output(attention_part(s.attention, queries, keys));
  });
  k.write("context", std::move(out));
}

/// The kernel makes the scores again from queries and keys (Dao et al. 2022).
void fused_gradient(const KernelScope& k) {
  const RankShape& s = k.shape();
  const Columns c(s.attention);
  const Matrix& given = k.read("context gradient");
  Matrix out(s.tokens, c.all());
  for_samples(k, [&](Index row, const Queries& queries, const Keys& keys) {
    const AttentionPart whole = attention_part(s.attention, queries, keys);
    const AttentionGradient g =
        attention_backward(s.attention, queries, keys, whole, given.middleRows(row, s.sample_tokens));
    out.middleRows(row, s.sample_tokens) << g.queries, g.keys, g.values;
  });
  k.write("qkv gradient", std::move(out));
}

using CoreKernel = void (*)(const KernelScope&);
CoreKernel core_kernel(std::string_view name) {
  if (name == "rotary") return [](const KernelScope& k) { rotate_rows(k, "queries, keys, values", Turn::forward); };
  if (name == "scores") return scores;
  if (name == "mask and softmax") return mask_and_softmax;
  if (name == "attention dropout")
    return [](const KernelScope& k) { k.write("dropped probabilities", k.read("probabilities")); };
  if (name == "context") return context;
  if (name == "flash attention") return fused;
  if (name == "flash attention gradient") return fused_gradient;
  if (name == "context gradient of probabilities") return gradient_of_probabilities;
  if (name == "context gradient of values") return gradient_of_values;
  if (name == "attention dropout gradient") return [](const KernelScope&) {};
  if (name == "softmax gradient") return softmax_gradient;
  if (name == "scores gradient of queries") return [](const KernelScope& k) { gradient_of_queries_or_keys(k, false); };
  if (name == "scores gradient of keys") return [](const KernelScope& k) { gradient_of_queries_or_keys(k, true); };
  if (name == "rotary gradient") return [](const KernelScope& k) { rotate_rows(k, "qkv gradient", Turn::backward); };
  return nullptr;
}

}  // namespace

void run_attention_kernel(const KernelScope& k, std::string_view name) {
  static constexpr NormNames norm{"attention input", "attention norm", "attention norm"};
  static constexpr LinearNames qkv{.name = "qkv",
                                   .weight = "qkv weight",
                                   .bias = "qkv bias",
                                   .input = "attention norm",
                                   .output = "queries, keys, values",
                                   .output_gradient = "qkv gradient",
                                   .input_gradient = {}};
  static constexpr LinearNames projection{.name = "projection",
                                          .weight = "projection weight",
                                          .bias = "projection bias",
                                          .row_parallel = true,
                                          .input = "context",
                                          .output = {},
                                          .output_gradient = "projection output gradient",
                                          .input_gradient = "context gradient"};
  if (run_half_kernel(k, norm, projection.bias, name) || run_linear_kernel(k, qkv, name) ||
      run_linear_kernel(k, projection, name))
    return;
  const CoreKernel core = core_kernel(name);
  if (core == nullptr) unknown_kernel(k.block(), name);
  core(k);
}

}  // namespace rehearse
