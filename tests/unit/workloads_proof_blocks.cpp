// The blocks of a layer: known values, slopes, and shares of a rank against the whole.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include "tests/support/finite_differences.hpp"
#include "tests/support/relative.hpp"
#include "workloads/proof/blocks.hpp"

using namespace rehearse;
using rehearse::testing::gradient_error;
using rehearse::testing::random_matrix;
using rehearse::testing::relative;

namespace {

constexpr double difference_tolerance = 1e-7;
constexpr double rounding = 1e-13;
constexpr Eigen::Index rows = 5;
const std::vector<std::int64_t> words{3, 0, 11, 7, 3};  ///< a token or target of each row

/// The sum of what a block gives, each element with a weight: then the weights are the gradient of what it gives.
double weighed(const Matrix& out, const Matrix& weights) { return out.cwiseProduct(weights).sum(); }

double largest(const Matrix& m) { return m.cwiseAbs().maxCoeff(); }

}  // namespace

TEST_CASE("proof blocks: norms") {
  const Matrix x = random_matrix(rows, 6, 1), weight = random_matrix(6, 1, 2), bias = random_matrix(6, 1, 3);
  const Matrix out_gradient = random_matrix(rows, 6, 4), ones = Matrix::Ones(1, 6);
  for (const Norm norm : {Norm::layer_norm, Norm::rms_norm}) {
    const Matrix out = norm_forward(norm, x, ones, nullptr);
    const bool centred = norm == Norm::layer_norm;
    for (Eigen::Index row = 0; row < rows; ++row) {
      const double mean = centred ? x.row(row).mean() : 0;
      const double square = (x.row(row).array() - mean).square().mean();
      CHECK(out(row, 2) == relative((x(row, 2) - mean) / std::sqrt(square + norm_epsilon), rounding));
    }
    const NormGradient gradient = norm_backward(norm, x, weight, out_gradient);
    const auto given = [&](const Matrix& at, const Matrix& w, const Matrix& b) {
      return weighed(norm_forward(norm, at, w, &b), out_gradient);
    };
    CHECK(gradient_error(x, gradient.x, [&](const Matrix& at) { return given(at, weight, bias); }) <
          difference_tolerance);
    CHECK(gradient_error(weight.transpose(), gradient.weight, [&](const Matrix& w) { return given(x, w, bias); }) <
          difference_tolerance);
    CHECK(gradient_error(bias.transpose(), gradient.bias, [&](const Matrix& b) { return given(x, weight, b); }) <
          difference_tolerance);
  }
}

TEST_CASE("proof blocks: activations") {
  Matrix x(1, 2);
  x << 1, -2;
  // The normal distribution up to 1 and up to -2, and the logistic function of 1.
  const Matrix gelu = activation_forward(Activation::gelu, x),
               squared = activation_forward(Activation::squared_relu, x);
  CHECK(gelu(0, 0) == relative(0.8413447460685429, 1e-15));
  CHECK(gelu(0, 1) == relative(-2 * 0.022750131948179207, 1e-15));
  CHECK(squared(0, 0) == 1);
  CHECK(squared(0, 1) == 0);
  const Matrix gated = activation_forward(Activation::swiglu, x);
  REQUIRE(gated.cols() == 1);
  CHECK(gated(0, 0) == relative(-2 * 0.7310585786300049, 1e-15));

  const Matrix wide = 3 * random_matrix(rows, 8, 1);
  for (const Activation activation : {Activation::gelu, Activation::swiglu, Activation::squared_relu}) {
    const Matrix out_gradient = random_matrix(rows, activation == Activation::swiglu ? 4 : 8, 2);
    CHECK(gradient_error(wide, activation_backward(activation, wide, out_gradient), [&](const Matrix& at) {
            return weighed(activation_forward(activation, at), out_gradient);
          }) < difference_tolerance);
  }
}

TEST_CASE("proof blocks: rotary positions turn pairs, and products know only how far apart they are") {
  const Matrix q = random_matrix(1, 5, 1), k = random_matrix(1, 5, 2);
  const auto product = [&](std::int64_t of_query, std::int64_t of_key) {
    const std::vector<std::int64_t> at_query{of_query}, at_key{of_key};
    return rotate(q, 5, at_query, Turn::forward).cwiseProduct(rotate(k, 5, at_key, Turn::forward)).sum();
  };
  CHECK(product(0, 0) == relative(q.cwiseProduct(k).sum(), rounding));
  CHECK(product(9, 4) == relative(product(7, 2), rounding));
  CHECK(std::abs(product(9, 4) - product(9, 3)) > 1e-3);

  const std::vector<std::int64_t> positions{0, 1, 2, 3, 40};
  const Matrix x = random_matrix(rows, 8, 3);  // two heads
  const Matrix turned = rotate(x, 4, positions, Turn::forward);
  CHECK(turned(1, 4) == relative(std::cos(1.0) * x(1, 4) - std::sin(1.0) * x(1, 5), rounding));
  CHECK(turned(3, 3) == relative(std::sin(0.03) * x(3, 2) + std::cos(0.03) * x(3, 3), rounding));
  CHECK(largest(rotate(turned, 4, positions, Turn::backward) - x) < rounding);
  const Matrix out_gradient = random_matrix(rows, 8, 4);
  CHECK(gradient_error(x, rotate(out_gradient, 4, positions, Turn::backward), [&](const Matrix& at) {
          return weighed(rotate(at, 4, positions, Turn::forward), out_gradient);
        }) < difference_tolerance);
}

TEST_CASE("proof blocks: shares of a table of embeddings add up to the whole") {
  const Matrix table = random_matrix(12, 3, 1), out_gradient = random_matrix(rows, 3, 2);
  const Matrix whole = embedding_forward(table, 0, words);
  for (Eigen::Index row = 0; row < rows; ++row)
    CHECK(whole.row(row) == table.row(words[static_cast<std::size_t>(row)]));
  CHECK(embedding_forward(table.topRows(5), 0, words) + embedding_forward(table.bottomRows(7), 5, words) == whole);
  const Matrix gradient = embedding_backward(12, 0, words, out_gradient);
  CHECK(gradient_error(table, gradient, [&](const Matrix& at) {
          return weighed(embedding_forward(at, 0, words), out_gradient);
        }) < difference_tolerance);
  CHECK(embedding_backward(7, 5, words, out_gradient) == gradient.bottomRows(7));
}

TEST_CASE("proof blocks: cross entropy in shares of the vocabulary") {
  const Matrix logits = 4 * random_matrix(rows, 12, 1);
  const Matrix maximum = row_maximum(logits), sum = exponential_sum(logits, maximum);
  const Matrix loss = cross_entropy(maximum, sum, target_logit(logits, 0, words));
  for (Eigen::Index row = 0; row < rows; ++row) {
    const double all = logits.row(row).array().exp().sum();
    CHECK(loss(row, 0) == relative(std::log(all) - logits(row, words[static_cast<std::size_t>(row)]), rounding));
  }
  const Matrix gradient = cross_entropy_backward(logits, 0, words, maximum, sum, 0.5);
  CHECK(gradient_error(logits, gradient, [&](const Matrix& at) {
          const Matrix most = row_maximum(at);
          return 0.5 * cross_entropy(most, exponential_sum(at, most), target_logit(at, 0, words)).sum();
        }) < difference_tolerance);

  const View left = logits.leftCols(5), right = logits.rightCols(7);
  const Matrix both = row_maximum(left).cwiseMax(row_maximum(right));
  const Matrix sums = exponential_sum(left, both) + exponential_sum(right, both);
  const Matrix targets = target_logit(left, 0, words) + target_logit(right, 5, words);
  CHECK(both == maximum);
  CHECK(largest(cross_entropy(both, sums, targets) - loss) < rounding);
  CHECK(largest(cross_entropy_backward(left, 0, words, both, sums, 0.5) - gradient.leftCols(5)) < rounding);
  CHECK(largest(cross_entropy_backward(right, 5, words, both, sums, 0.5) - gradient.rightCols(7)) < rounding);
}

TEST_CASE("proof blocks: logits that no exponential holds have a loss all the same") {
  Matrix logits(1, 2);
  logits << 2000, 1990;
  const std::vector<std::int64_t> target{1};
  const Matrix maximum = row_maximum(logits), sum = exponential_sum(logits, maximum);
  const Matrix loss = cross_entropy(maximum, sum, target_logit(logits, 0, target));
  CHECK(loss(0, 0) == relative(10 + std::log1p(std::exp(-10.0)), 1e-12));
}

TEST_CASE("proof blocks: the k most probable experts, the lower number first, their probabilities brought to 1") {
  Matrix logits(2, 4);
  logits << std::log(2.0), std::log(1.0), std::log(5.0), std::log(2.0), 0, 0, 0, 0;
  const Routing routing = route(logits, 2);
  CHECK(routing.experts(0, 0) == 2);
  CHECK(routing.experts(0, 1) == 0);
  CHECK(routing.weights(0, 0) == relative(5.0 / 7, rounding));
  CHECK(routing.weights(0, 1) == relative(2.0 / 7, rounding));
  CHECK(routing.experts(1, 0) == 0);
  CHECK(routing.experts(1, 1) == 1);

  const Matrix drawn = 2 * random_matrix(rows, 6, 1);
  for (std::int64_t k = 1; k <= 6; ++k) {
    const Matrix weight_gradient = random_matrix(rows, k, 2);
    CHECK(gradient_error(drawn, route_backward(route(drawn, k), 6, weight_gradient), [&](const Matrix& at) {
            return weighed(route(at, k).weights, weight_gradient);
          }) < difference_tolerance);
  }
}

// As of an expert to whom no token comes.
TEST_CASE("proof blocks: no rows give no rows") {
  const Matrix none(0, 8), weight = Matrix::Ones(1, 8);
  for (const Norm norm : {Norm::layer_norm, Norm::rms_norm}) {
    CHECK(norm_forward(norm, none, weight, nullptr).rows() == 0);
    CHECK(norm_backward(norm, none, weight, none).weight.isZero(0));
  }
  CHECK(column_sums(none).cols() == 8);
  CHECK(activation_forward(Activation::gelu, none).cols() == 8);
  CHECK(activation_forward(Activation::swiglu, none).cols() == 4);
  CHECK(activation_backward(Activation::swiglu, none, Matrix(0, 4)).cols() == 8);
  CHECK(rotate(none, 4, {}, Turn::forward).rows() == 0);
  CHECK(embedding_backward(3, 0, {}, none).isZero(0));
  CHECK(route_backward(route(none, 2), 8, Matrix(0, 2)).rows() == 0);
  CHECK(cross_entropy_backward(none, 0, {}, row_maximum(none), exponential_sum(none, row_maximum(none)), 1).rows() ==
        0);
}
