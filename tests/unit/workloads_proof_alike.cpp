// The unsharded reference on models that are written differently and compute the same.
#include <iterator>
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include "tests/support/relative.hpp"
#include "tests/support/tiny_models.hpp"
#include "workloads/proof/reference.hpp"

using namespace rehearse;
using namespace rehearse::testing;

namespace {

constexpr std::uint64_t seed = 6;
/// Of sums in another order.
constexpr double rounding = 1e-13;

/// Tensors of every layer (and expert) of this name, as `change` makes them.
template <class Change>
void change_all(ParameterSet& set, const std::string& name, Change change) {
  for (auto& [key, values] : set)
    if (key.name == name) values = change(values);
}

}  // namespace

TEST_CASE("reference: grouped queries are heads whose keys and values repeat") {
  Model grouped = tiny_llama();
  grouped.kv_heads = 2;
  Model plain = grouped;
  plain.kv_heads = plain.heads;
  const std::int64_t d = grouped.head_dim, queries = grouped.attention_width(), kv = grouped.kv_width();
  const auto repeat = [&](const Matrix& w) {
    Matrix wide(queries * 3, w.cols());
    wide.topRows(queries) = w.topRows(queries);
    for (std::int64_t head = 0; head < grouped.heads; ++head) {
      const std::int64_t from = head / 2 * d;
      wide.middleRows(queries + head * d, d) = w.middleRows(queries + from, d);
      wide.middleRows(2 * queries + head * d, d) = w.middleRows(queries + kv + from, d);
    }
    return wide;
  };
  const ParameterSet of_grouped = initial_parameters(grouped, seed);
  ParameterSet of_plain = of_grouped;
  change_all(of_plain, "qkv weight", repeat);
  const Batch batch = synthetic_batch(grouped, 2, seed);
  const ReferenceRun narrow = run_reference(grouped, of_grouped, batch), wide = run_reference(plain, of_plain, batch);
  CHECK(narrow.loss == relative(wide.loss, rounding));
  const TensorKey qkv{0, "qkv weight"};
  const Matrix expected = narrow.gradients.at(qkv).middleRows(queries, d);
  const Matrix sum = wide.gradients.at(qkv).middleRows(queries, d) + wide.gradients.at(qkv).middleRows(queries + d, d);
  CHECK((expected - sum).norm() <= rounding * expected.norm());
}

// The narrow vectors are the normed rows themselves, and their norms leave them as they are but for the epsilon.
TEST_CASE("reference: latent attention through identities is plain attention") {
  constexpr double of_epsilon = 1e-5;
  Model plain = tiny_llama();
  const std::int64_t h = plain.hidden, d = plain.head_dim;
  SUBCASE("keys of each head, positions learned") {
    plain.positions = Positions::learned;
    plain.kv_heads = plain.heads;
  }
  SUBCASE("one rotary key for all heads") { plain.kv_heads = 1; }
  const bool shared = plain.kv_heads == 1;
  Model latent = with_latent(plain, {.query_rank = h, .kv_rank = h, .rotary = shared ? d : 0, .value_dim = d});
  ParameterSet of_plain = initial_parameters(plain, seed);
  change_all(of_plain, "attention norm weight", [](const Matrix& w) { return Matrix::Ones(w.rows(), w.cols()); });
  ParameterSet of_latent = initial_parameters(latent, seed);
  for (auto& [key, values] : of_latent) {
    if (key.name.ends_with("norm weight")) values.setOnes();
    if (key.name.ends_with("down weight")) values.topRows(h).setIdentity();
    if (const auto same = of_plain.find(key); same != of_plain.end()) values = same->second;
  }
  for (std::int64_t layer = 0; layer < plain.layers; ++layer) {
    const Matrix& qkv = of_plain.at({layer, "qkv weight"});
    of_latent.at({layer, "query up weight"}) = qkv.topRows(plain.attention_width());
    Matrix& down = of_latent.at({layer, "kv down weight"});
    if (shared) down.bottomRows(d) = qkv.middleRows(plain.attention_width(), d);
    Matrix& up = of_latent.at({layer, "kv up weight"});
    const std::int64_t own = d - latent.latent.rotary;
    for (std::int64_t head = 0; head < plain.heads; ++head) {
      const std::int64_t group = shared ? 0 : head;
      up.middleRows(head * (own + d), own) = qkv.middleRows(plain.attention_width() + group * d, own);
      up.middleRows(head * (own + d) + own, d) =
          qkv.middleRows(plain.attention_width() + plain.kv_width() + group * d, d);
    }
  }
  const Batch batch = synthetic_batch(plain, 2, seed);
  const double expected = reference_loss(plain, of_plain, batch);
  CHECK(reference_loss(latent, of_latent, batch) == relative(expected, of_epsilon));
  change_all(of_latent, "kv up weight", [](const Matrix& w) { return Matrix(w.colwise().reverse()); });
  CHECK(reference_loss(latent, of_latent, batch) != relative(expected, 100 * of_epsilon));
}

TEST_CASE("reference: experts that are all alike are one MLP, whatever they weigh") {
  for (const auto& [count, per_token] : {std::pair{1, 1}, {4, 1}, {4, 3}}) {
    Model dense = tiny_llama();
    const Model sparse = with_experts(dense, {.count = count, .per_token = per_token, .ffn = dense.ffn});
    const ParameterSet of_dense = initial_parameters(dense, seed);
    ParameterSet of_sparse = initial_parameters(sparse, seed);
    for (auto& [key, values] : of_sparse)
      if (const auto same = of_dense.find({key.layer, key.name.substr(key.expert < 0 ? 0 : std::size("expert"))});
          same != of_dense.end())
        values = same->second;
    const Batch batch = synthetic_batch(dense, 2, seed);
    const ReferenceRun one = run_reference(dense, of_dense, batch), many = run_reference(sparse, of_sparse, batch);
    CHECK(one.loss == relative(many.loss, rounding));
    for (const char* name : {"ffn 1 weight", "ffn 2 weight"}) {
      const Matrix& expected = one.gradients.at({1, name});
      Matrix sum = Matrix::Zero(expected.rows(), expected.cols());
      for (std::int64_t e = 0; e < count; ++e) sum += many.gradients.at({1, std::string("expert ") + name, e});
      CHECK((sum - expected).norm() <= rounding * expected.norm());
    }
    CHECK(many.gradients.at({1, "router weight"}).norm() <= rounding);
  }
}

TEST_CASE("reference: of experts equally probable the first k count, each as much") {
  const Model dense = tiny_llama();
  const Batch batch = synthetic_batch(dense, 2, seed);
  for (std::int64_t k = 1; k <= 4; ++k) {
    const Model sparse = with_experts(dense, {.count = 4, .per_token = k, .ffn = dense.ffn});
    ParameterSet of_dense = initial_parameters(dense, seed), of_sparse = initial_parameters(sparse, seed);
    double sum = 0;  // of the factors 1, 4, 9, 16 by which the experts' outputs differ
    for (std::int64_t e = 0; e < k; ++e) sum += static_cast<double>((e + 1) * (e + 1));
    for (auto& [key, values] : of_sparse) {
      if (key.name == "router weight") values.setZero();
      if (key.name == "expert ffn 1 weight") values = of_dense.at({key.layer, "ffn 1 weight"});
      if (key.name == "expert ffn 2 weight")
        values = static_cast<double>((key.expert + 1) * (key.expert + 1)) * of_dense.at({key.layer, "ffn 2 weight"});
    }
    change_all(of_dense, "ffn 2 weight", [&](const Matrix& w) { return Matrix(sum / static_cast<double>(k) * w); });
    CHECK(reference_loss(sparse, of_sparse, batch) == relative(reference_loss(dense, of_dense, batch), rounding));
  }
}

TEST_CASE("reference: shared experts are one MLP of all their widths, added whole") {
  Model dense = tiny_llama();
  const Model sparse = with_experts(dense, {.count = 3, .per_token = 2, .ffn = 5, .shared = 2});
  dense.ffn = 10;
  const ParameterSet of_dense = initial_parameters(dense, seed);
  ParameterSet of_sparse = initial_parameters(sparse, seed);
  for (auto& [key, values] : of_sparse) {
    if (key.name == "expert ffn 2 weight") values.setZero();
    if (key.name.starts_with("shared ")) values = of_dense.at({key.layer, key.name.substr(std::size("shared"))});
  }
  const Batch batch = synthetic_batch(dense, 2, seed);
  CHECK(reference_loss(sparse, of_sparse, batch) == relative(reference_loss(dense, of_dense, batch), rounding));
}
