// Attention by heads (workloads/layers/attention.cpp), and the core of any attention matrix by matrix.
#include <cmath>
#include <limits>

#include "workloads/proof/attention_core.hpp"

namespace rehearse {

namespace {

using Eigen::Index;

/// One head of one sample: where its rows and columns are.
struct Head {
  Index row;                        ///< of tokens
  Index seen;                       ///< of keys
  Index score;                      ///< of scores, which lie sample by sample and head by head
  Index query, key, value, output;  ///< columns: of queries, of keys and values
};

template <class Each>
void for_heads(const RankShape& shape, Index keys_each, Each each) {
  const AttentionShape& a = shape.attention;
  const CoreColumns c(a);
  for (Index sample = 0; sample < shape.samples; ++sample)
    for (Index head = 0; head < a.heads; ++head) {
      const Index group = head / (a.heads / a.kv_heads);
      each(Head{sample * shape.sample_tokens, sample * keys_each, (sample * a.heads + head) * shape.sample_tokens,
                head * a.head_dim, group * a.head_dim, c.keys + group * a.value_dim, head * a.value_dim});
    }
}

double scale_of(const RankShape& shape) { return 1 / std::sqrt(static_cast<double>(shape.attention.head_dim)); }

void rotate_rows(const KernelScope& k, std::string_view name, Turn turn) {
  const CoreColumns c(k.shape().attention);
  Matrix x = k.read(name);
  x.leftCols(c.queries + c.keys) =
      rotate(x.leftCols(c.queries + c.keys), k.shape().attention.head_dim, k.shape().positions, turn);
  k.write(name, std::move(x));
}

Matrix zeros_of_scores(const RankShape& s, Index keys_each) {
  return Matrix::Zero(s.samples * s.attention.heads * s.sample_tokens, keys_each);
}

void scores(const KernelScope& k) {
  const RankShape& s = k.shape();
  const Index n = s.sample_tokens, d = s.attention.head_dim;
  const Matrix& qkv = k.read("queries, keys, values");
  const SeenKeys seen = seen_keys(k);
  Matrix out = zeros_of_scores(s, seen.each);
  for_heads(s, seen.each, [&](const Head& at) {
    out.middleRows(at.score, n) =
        scale_of(s) * qkv.block(at.row, at.query, n, d) * seen.rows.block(at.seen, at.key, seen.each, d).transpose();
  });
  k.write("scores", std::move(out));
}

void mask_and_softmax(const KernelScope& k) {
  const RankShape& s = k.shape();
  const RowPositions keys = seen_keys(k).positions;
  Matrix p = k.read("scores");
  for (Index row = 0; row < p.rows(); ++row)
    for (Index key = 0; key < p.cols(); ++key)
      if (keys[static_cast<std::size_t>(key)] > s.positions[static_cast<std::size_t>(row % s.sample_tokens)])
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
  const Matrix& p = weights_of(k);
  const SeenKeys seen = seen_keys(k);
  Matrix out(s.tokens, s.attention.heads * v);
  for_heads(s, seen.each, [&](const Head& at) {
    out.block(at.row, at.output, n, v) = p.middleRows(at.score, n) * seen.rows.block(at.seen, at.value, seen.each, v);
  });
  k.write("context", std::move(out));
}

void gradient_of_probabilities(const KernelScope& k) {
  const RankShape& s = k.shape();
  const Index n = s.sample_tokens, v = s.attention.value_dim;
  const Matrix& given = k.read("context gradient");
  const SeenKeys seen = seen_keys(k);
  Matrix out = zeros_of_scores(s, seen.each);
  for_heads(s, seen.each, [&](const Head& at) {
    out.middleRows(at.score, n) =
        given.block(at.row, at.output, n, v) * seen.rows.block(at.seen, at.value, seen.each, v).transpose();
  });
  k.write("probabilities gradient", std::move(out));
}

void gradient_of_values(const KernelScope& k) {
  const RankShape& s = k.shape();
  const Index n = s.sample_tokens, v = s.attention.value_dim;
  const Matrix &p = weights_of(k), &given = k.read("context gradient");
  const SeenKeys seen = seen_keys(k);
  Matrix out = Matrix::Zero(seen.rows.rows(), seen.rows.cols());
  for_heads(s, seen.each, [&](const Head& at) {
    out.block(at.seen, at.value, seen.each, v) +=
        p.middleRows(at.score, n).transpose() * given.block(at.row, at.output, n, v);
  });
  write_seen_key_gradient(k, std::move(out));
}

void softmax_gradient(const KernelScope& k) {
  const Matrix& p = k.read("probabilities");
  Matrix g = k.read("probabilities gradient");
  const Eigen::VectorXd along = g.cwiseProduct(p).rowwise().sum();
  g = (g.colwise() - along).cwiseProduct(p);
  k.write("probabilities gradient", std::move(g));
}

void gradient_of_queries(const KernelScope& k) {
  const RankShape& s = k.shape();
  const Index n = s.sample_tokens, d = s.attention.head_dim;
  const Matrix& g = k.read("probabilities gradient");
  const SeenKeys seen = seen_keys(k);
  Matrix out(s.tokens, CoreColumns(s.attention).queries);
  for_heads(s, seen.each, [&](const Head& at) {
    out.block(at.row, at.query, n, d) =
        scale_of(s) * g.middleRows(at.score, n) * seen.rows.block(at.seen, at.key, seen.each, d);
  });
  write_query_gradient(k, out);
}

void gradient_of_keys(const KernelScope& k) {
  const RankShape& s = k.shape();
  const Index n = s.sample_tokens, d = s.attention.head_dim;
  const Matrix &qkv = k.read("queries, keys, values"), &g = k.read("probabilities gradient");
  Matrix out = seen_key_gradient(k);
  const Index each = seen_keys(k).each;
  for_heads(s, each, [&](const Head& at) {
    out.block(at.seen, at.key, each, d) +=
        scale_of(s) * g.middleRows(at.score, n).transpose() * qkv.block(at.row, at.query, n, d);
  });
  write_seen_key_gradient(k, std::move(out));
}

using CoreKernel = void (*)(const KernelScope&);
CoreKernel core_kernel(std::string_view name) {
  if (name == "rotary") return [](const KernelScope& k) { rotate_rows(k, "queries, keys, values", Turn::forward); };
  if (name == "scores") return scores;
  if (name == "mask and softmax") return mask_and_softmax;
  if (name == "attention dropout")
    return [](const KernelScope& k) { k.write("dropped probabilities", k.read("probabilities")); };
  if (name == "context") return context;
  if (name == "context gradient of probabilities") return gradient_of_probabilities;
  if (name == "context gradient of values") return gradient_of_values;
  if (name == "attention dropout gradient") return [](const KernelScope&) {};
  if (name == "softmax gradient") return softmax_gradient;
  if (name == "scores gradient of queries") return gradient_of_queries;
  if (name == "scores gradient of keys") return gradient_of_keys;
  if (name == "rotary gradient") return [](const KernelScope& k) { rotate_rows(k, "qkv gradient", Turn::backward); };
  return nullptr;
}

}  // namespace

bool run_core_kernel(const KernelScope& k, std::string_view name) {
  const CoreKernel kernel = core_kernel(name);
  if (kernel != nullptr) kernel(k);
  return kernel != nullptr;
}

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
  if (k.model().is_latent() && run_latent_kernel(k, name)) return;
  if (!run_core_kernel(k, name) && !run_fused_kernel(k, name)) unknown_kernel(k.block(), name);
}

}  // namespace rehearse
