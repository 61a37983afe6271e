// Attention of queries to blocks of keys, as a ring passes them round, against attention to all of them at once.
#include <cmath>
#include <numeric>
#include <vector>

#include <doctest/doctest.h>

#include "tests/support/dice.hpp"
#include "tests/support/finite_differences.hpp"
#include "tests/support/relative.hpp"
#include "workloads/proof/attention.hpp"

using namespace rehearse;
using rehearse::testing::Dice;
using rehearse::testing::gradient_error;
using rehearse::testing::random_matrix;
using rehearse::testing::relative;

namespace {

constexpr double difference_tolerance = 1e-7;
constexpr double rounding = 1e-13;
constexpr std::int64_t tokens = 8;

const AttentionShape shape{.heads = 4, .kv_heads = 2, .head_dim = 3, .value_dim = 2};

struct Whole {
  Queries queries;
  Keys keys;
  Matrix output_gradient;
};
Whole drawn(std::uint64_t seed) {
  RowPositions positions(tokens);
  std::iota(positions.begin(), positions.end(), 0);
  return {{4 * random_matrix(tokens, shape.heads * shape.head_dim, seed), positions},
          {4 * random_matrix(tokens, shape.kv_heads * shape.head_dim, seed + 1),
           random_matrix(tokens, shape.kv_heads * shape.value_dim, seed + 2), positions},
          random_matrix(tokens, shape.heads * shape.value_dim, seed + 3)};
}

/// Which rows each of `blocks` ranks holds, in any mixture; one of them may have none.
std::vector<RowPositions> dealt(std::int64_t blocks, Dice& dice) {
  std::vector<RowPositions> out(static_cast<std::size_t>(blocks));
  for (std::int64_t row = 0; row < tokens; ++row) out[static_cast<std::size_t>(dice.below(blocks))].push_back(row);
  return out;
}

Queries rows_of(const Queries& all, const RowPositions& rows) { return {all.rows(rows, Eigen::all), rows}; }
Keys rows_of(const Keys& all, const RowPositions& rows) {
  return {all.keys(rows, Eigen::all), all.values(rows, Eigen::all), rows};
}

double largest(const Matrix& m) { return m.size() == 0 ? 0 : m.cwiseAbs().maxCoeff(); }

/// softmax(q k / sqrt(head_dim)) v of one query and one head, term by term.
double plain_output(const Whole& all, std::int64_t row, std::int64_t head, std::int64_t column) {
  const std::int64_t group = head * shape.kv_heads / shape.heads;
  double sum = 0, weighted = 0;
  for (std::int64_t key = 0; key <= row; ++key) {
    double score = 0;
    for (std::int64_t i = 0; i < shape.head_dim; ++i)
      score += all.queries.rows(row, head * shape.head_dim + i) * all.keys.keys(key, group * shape.head_dim + i);
    const double share = std::exp(score / std::sqrt(3.0));
    sum += share;
    weighted += share * all.keys.values(key, group * shape.value_dim + column);
  }
  return weighted / sum;
}

}  // namespace

TEST_CASE("proof attention: term by term") {
  const Whole all = drawn(1);
  const Matrix output = attention_output(attention_part(shape, all.queries, all.keys));
  for (std::int64_t row = 0; row < tokens; ++row)
    for (std::int64_t head = 0; head < shape.heads; ++head)
      CHECK(output(row, head * shape.value_dim + 1) == relative(plain_output(all, row, head, 1), 1e-12));
}

TEST_CASE("proof attention: gradients are slopes") {
  const Whole all = drawn(2);
  const auto given = [&](const Queries& queries, const Keys& keys) {
    return attention_output(attention_part(shape, queries, keys)).cwiseProduct(all.output_gradient).sum();
  };
  const AttentionGradient gradient = attention_backward(
      shape, all.queries, all.keys, attention_part(shape, all.queries, all.keys), all.output_gradient);
  const RowPositions& positions = all.keys.positions;
  CHECK(gradient_error(all.queries.rows, gradient.queries, [&](const Matrix& at) {
          return given({at, positions}, all.keys);
        }) < difference_tolerance);
  CHECK(gradient_error(all.keys.keys, gradient.keys, [&](const Matrix& at) {
          return given(all.queries, {at, all.keys.values, positions});
        }) < difference_tolerance);
  CHECK(gradient_error(all.keys.values, gradient.values, [&](const Matrix& at) {
          return given(all.queries, {all.keys.keys, at, positions});
        }) < difference_tolerance);
}

TEST_CASE("proof attention: blocks merged are the whole, however rows are dealt out") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Dice dice(seed);
    const std::int64_t blocks = 1 + dice.below(5);
    const Whole all = drawn(10 * seed);
    const AttentionPart whole = attention_part(shape, all.queries, all.keys);
    const AttentionGradient expected = attention_backward(shape, all.queries, all.keys, whole, all.output_gradient);
    const std::vector<RowPositions> shares = dealt(blocks, dice);
    Matrix key_gradient = Matrix::Zero(tokens, all.keys.keys.cols());
    Matrix value_gradient = Matrix::Zero(tokens, all.keys.values.cols());
    for (const RowPositions& own : shares) {
      const Queries queries = rows_of(all.queries, own);
      AttentionPart part = attention_part(shape, queries, {});
      for (const RowPositions& block : shares)
        part = merge(part, attention_part(shape, queries, rows_of(all.keys, block)));
      CHECK(largest(attention_output(part) - attention_output(whole)(own, Eigen::all)) < rounding);

      Matrix query_gradient = Matrix::Zero(queries.rows.rows(), queries.rows.cols());
      for (const RowPositions& block : shares) {
        const AttentionGradient gradient =
            attention_backward(shape, queries, rows_of(all.keys, block), part, all.output_gradient(own, Eigen::all));
        query_gradient += gradient.queries;
        key_gradient(block, Eigen::all) += gradient.keys;
        value_gradient(block, Eigen::all) += gradient.values;
      }
      CHECK(largest(query_gradient - expected.queries(own, Eigen::all)) < rounding * largest(expected.queries));
    }
    CHECK(largest(key_gradient - expected.keys) < rounding * largest(expected.keys));
    CHECK(largest(value_gradient - expected.values) < rounding * largest(expected.values));
  }
}

TEST_CASE("proof attention: a block that lies behind every query adds nothing") {
  const Whole all = drawn(3);
  const Queries early = rows_of(all.queries, {0, 1, 2});
  const AttentionPart none = attention_part(shape, early, rows_of(all.keys, {5, 6}));
  CHECK(none.sum.isZero(0));
  CHECK(none.weighted.isZero(0));
  const AttentionPart part = attention_part(shape, early, all.keys);
  const AttentionPart merged = merge(none, part);
  CHECK(merged.sum == part.sum);
  CHECK(merged.weighted == part.weighted);
  CHECK(merge(none, none).sum.isZero(0));
}

TEST_CASE("proof attention: latent keys") {
  const LatentHeads latent{.heads = 3, .own = 2, .rotary = 2, .value_dim = 4};
  const LatentRows rows{random_matrix(tokens, 18, 1), random_matrix(tokens, 2, 2)};
  const Keys keys = latent_keys(latent, rows);
  CHECK(keys.keys.middleCols(4, 2) == rows.up.middleCols(6, 2));
  CHECK(keys.keys.middleCols(6, 2) == rows.rotary);
  CHECK(keys.values.middleCols(4, 4) == rows.up.middleCols(8, 4));

  const Matrix of_keys = random_matrix(tokens, 12, 3), of_values = random_matrix(tokens, 12, 4);
  const LatentRows gradient = latent_keys_backward(latent, of_keys, of_values);
  const auto given = [&](const LatentRows& at) {
    const Keys made = latent_keys(latent, at);
    return made.keys.cwiseProduct(of_keys).sum() + made.values.cwiseProduct(of_values).sum();
  };
  CHECK(gradient_error(rows.up, gradient.up, [&](const Matrix& at) {
          return given({at, rows.rotary});
        }) < difference_tolerance);
  CHECK(gradient_error(rows.rotary, gradient.rotary, [&](const Matrix& at) {
          return given({rows.up, at});
        }) < difference_tolerance);

  const Matrix queries = random_matrix(tokens, 12, 5);
  RowPositions positions(tokens, 7);
  const Matrix turned = rotate_latent_queries(latent, queries, positions, Turn::forward);
  CHECK(turned.middleCols(4, 2) == queries.middleCols(4, 2));
  CHECK(turned.middleCols(6, 2) == rotate(queries.middleCols(6, 2), 2, positions, Turn::forward));
}
