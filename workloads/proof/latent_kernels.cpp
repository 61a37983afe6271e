// Latent attention: what stands around its core (workloads/layers/latent_attention.cpp). The narrow vector of keys and
// values lies beside the key that all heads share, in "kv latent" and in its gradient.
#include "workloads/proof/attention_core.hpp"

namespace rehearse {

namespace {

/// Whatever the model's own is.
constexpr Norm narrow = Norm::rms_norm;

LatentHeads heads_of(const KernelScope& k) {
  const Model& m = k.model();
  return {.heads = k.shape().attention.heads,
          .own = m.head_dim - m.latent.rotary,
          .rotary = m.latent.rotary,
          .value_dim = m.value_dim()};
}

bool is_turned(const KernelScope& k) { return k.model().positions == Positions::rotary; }

void query_norm(const KernelScope& k) {
  Matrix y = norm_forward(narrow, k.read("query latent"), k.parameter("query norm weight"), nullptr);
  k.frame().region.set(y);
  k.write("query latent norm", std::move(y));
}

void kv_norm(const KernelScope& k) {
  const Matrix vector = k.read("kv latent").leftCols(k.model().latent.kv_rank);
  Matrix y = norm_forward(narrow, vector, k.parameter("kv norm weight"), nullptr);
  k.frame().region.set(y);
  k.write("kv latent norm", std::move(y));
}

void query_norm_gradient(const KernelScope& k) {
  NormGradient g = norm_backward(narrow, k.read("query latent"), k.parameter("query norm weight"), k.from_region());
  k.add_gradient("query norm weight", g.weight);
  k.write("query latent gradient", std::move(g.x));
}

void kv_norm_gradient(const KernelScope& k) {
  const Matrix vector = k.read("kv latent").leftCols(k.model().latent.kv_rank);
  const NormGradient g = norm_backward(narrow, vector, k.parameter("kv norm weight"), k.from_region());
  k.add_gradient("kv norm weight", g.weight);
  const Matrix& rotary = k.read("rotary key gradient");
  expect_rows(rotary, g.x.rows(), "the gradient of the shared key");
  Matrix both(g.x.rows(), g.x.cols() + rotary.cols());
  both << g.x, rotary;
  k.write("kv latent gradient", std::move(both));
}

void make_heads(const KernelScope& k) {
  const RankShape& s = k.shape();
  const LatentHeads heads = heads_of(k);
  Matrix queries = k.read("queries");
  LatentRows rows{k.read("kv up output"), s.split_tokens && heads.rotary > 0
                                              ? k.read("rotary key")
                                              : Matrix(k.read("kv latent").rightCols(heads.rotary))};
  expect_rows(rows.rotary, s.tokens, "the key that heads share");
  if (is_turned(k)) {
    queries = rotate_latent_queries(heads, queries, s.positions, Turn::forward);
    rows.rotary = rotate(rows.rotary, heads.rotary, s.positions, Turn::forward);
  }
  const Keys keys = latent_keys(heads, rows);
  Matrix all(s.tokens, CoreColumns(s.attention).all());
  all << queries, keys.keys, keys.values;
  k.write("queries, keys, values", std::move(all));
}

void make_heads_gradient(const KernelScope& k) {
  const RankShape& s = k.shape();
  const CoreColumns c(s.attention);
  const LatentHeads heads = heads_of(k);
  Matrix all = core_gradient(k);
  LatentRows rows = latent_keys_backward(heads, all.middleCols(c.queries, c.keys), all.rightCols(c.values));
  if (is_turned(k)) {
    all.leftCols(c.queries) = rotate_latent_queries(heads, all.leftCols(c.queries), s.positions, Turn::backward);
    rows.rotary = rotate(rows.rotary, heads.rotary, s.positions, Turn::backward);
  }
  k.write("query gradient", all.leftCols(c.queries));
  k.write("kv up output gradient", std::move(rows.up));
  k.write("rotary key gradient", std::move(rows.rotary));
}

/// Two gradients of what the first norm gave: by way of queries, and of keys and values.
void add_norm_gradients(const KernelScope& k) {
  const Matrix of_queries = k.model().latent.query_rank > 0 ? k.read("query down input gradient") : k.from_region();
  k.frame().region.set(of_queries + k.read("kv down input gradient"));
}

constexpr LinearNames query_down{.name = "query down",
                                 .weight = "query down weight",
                                 .bias = {},
                                 .whole = true,
                                 .input = "attention norm",
                                 .output = "query latent",
                                 .output_gradient = "query latent gradient",
                                 .input_gradient = "query down input gradient"};
constexpr LinearNames kv_down{.name = "kv down",
                              .weight = "kv down weight",
                              .bias = {},
                              .whole = true,
                              .input = "attention norm",
                              .output = "kv latent",
                              .output_gradient = "kv latent gradient",
                              .input_gradient = "kv down input gradient"};
constexpr LinearNames query_up{.name = "query up",
                               .weight = "query up weight",
                               .bias = {},
                               .input = "query latent norm",
                               .output = "queries",
                               .output_gradient = "query gradient",
                               .input_gradient = {}};
constexpr LinearNames query{.name = "query",
                            .weight = "query weight",
                            .bias = {},
                            .input = "attention norm",
                            .output = "queries",
                            .output_gradient = "query gradient",
                            .input_gradient = {}};
constexpr LinearNames kv_up{.name = "kv up",
                            .weight = "kv up weight",
                            .bias = {},
                            .input = "kv latent norm",
                            .output = "kv up output",
                            .output_gradient = "kv up output gradient",
                            .input_gradient = {}};

}  // namespace

bool run_latent_kernel(const KernelScope& k, std::string_view name) {
  // Without a rotary part there is no kernel that makes heads: products leave and find them as they are.
  const bool at_once = k.model().latent.rotary == 0;
  if (at_once && name == "kv up gradient of input") make_heads_gradient(k);
  for (const LinearNames& linear : {query_down, kv_down, query_up, query, kv_up})
    if (run_linear_kernel(k, linear, name)) {
      if (at_once && name == "kv up") make_heads(k);
      return true;
    }
  if (name == "query norm") return query_norm(k), true;
  if (name == "kv norm") return kv_norm(k), true;
  if (name == "heads") return make_heads(k), true;
  if (name == "heads gradient") return make_heads_gradient(k), true;
  if (name == "query norm gradient") return query_norm_gradient(k), true;
  if (name == "kv norm gradient") return kv_norm_gradient(k), true;
  if (name == "attention norm gradients") return add_norm_gradients(k), true;
  return false;
}

}  // namespace rehearse
