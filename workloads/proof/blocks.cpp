#include "workloads/proof/blocks.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>
#include <vector>

namespace rehearse {

namespace {

using Eigen::Index;

Eigen::RowVectorXd as_row(const View& vector) { return vector.reshaped<Eigen::RowMajor>().transpose(); }

/// Rows brought to mean square 1 (of layer_norm: about a mean of 0), and what each was multiplied by.
struct Normalised {
  Matrix rows;
  Eigen::VectorXd factor;
};
Normalised normalise(Norm norm, const View& x) {
  Matrix rows = x;
  if (norm == Norm::layer_norm) rows.colwise() -= x.rowwise().mean();
  Eigen::VectorXd factor = (rows.rowwise().squaredNorm() / static_cast<double>(x.cols())).array() + norm_epsilon;
  factor = factor.cwiseSqrt().cwiseInverse().eval();
  rows.array().colwise() *= factor.array();
  return {std::move(rows), std::move(factor)};
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
/// The normal distribution up to x.
double normal_share(double x) { return 0.5 * (1 + std::erf(x / std::numbers::sqrt2)); }
double normal_density(double x) { return std::exp(-0.5 * x * x) * std::numbers::inv_sqrtpi / std::numbers::sqrt2; }

double ungated(Activation activation, double x) {
  const double positive = std::max(x, 0.0);
  return activation == Activation::gelu ? x * normal_share(x) : positive * positive;
}
double ungated_slope(Activation activation, double x) {
  return activation == Activation::gelu ? normal_share(x) + x * normal_density(x) : 2 * std::max(x, 0.0);
}

bool is_among(std::int64_t word, std::int64_t first, std::int64_t count) {
  return word >= first && word < first + count;
}

}  // namespace

Matrix column_sums(const View& rows) {
  if (rows.rows() == 0) return Matrix::Zero(1, rows.cols());  // Eigen would point into no memory
  return rows.colwise().sum();
}

Matrix norm_forward(Norm norm, const View& x, const View& weight, const Matrix* bias) {
  Matrix out = normalise(norm, x).rows;
  out.array().rowwise() *= as_row(weight).array();
  if (bias != nullptr) out.rowwise() += as_row(*bias);
  return out;
}

NormGradient norm_backward(Norm norm, const View& x, const View& weight, const View& out_gradient) {
  const Normalised n = normalise(norm, x);
  Matrix inner = out_gradient;
  inner.array().rowwise() *= as_row(weight).array();
  const Eigen::VectorXd along = inner.cwiseProduct(n.rows).rowwise().mean();
  Matrix of_x = inner - along.asDiagonal() * n.rows;
  if (norm == Norm::layer_norm) of_x.colwise() -= inner.rowwise().mean();
  of_x.array().colwise() *= n.factor.array();
  return {std::move(of_x), column_sums(out_gradient.cwiseProduct(n.rows)), column_sums(out_gradient)};
}

Matrix activation_forward(Activation activation, const View& x) {
  if (activation != Activation::swiglu) return x.unaryExpr([&](double v) { return ungated(activation, v); });
  const Index width = x.cols() / 2;
  return Matrix::NullaryExpr(x.rows(), width, [&](Index row, Index column) {
    return x(row, column) * sigmoid(x(row, column)) * x(row, width + column);
  });
}

Matrix activation_backward(Activation activation, const View& x, const View& out_gradient) {
  if (activation != Activation::swiglu)
    return x.unaryExpr([&](double v) { return ungated_slope(activation, v); }).cwiseProduct(out_gradient);
  const Index width = x.cols() / 2;
  Matrix gradient(x.rows(), x.cols());
  for (Index row = 0; row < x.rows(); ++row)
    for (Index column = 0; column < width; ++column) {
      const double gate = x(row, column), share = sigmoid(gate), given = out_gradient(row, column);
      gradient(row, column) = given * x(row, width + column) * share * (1 + gate * (1 - share));
      gradient(row, width + column) = given * gate * share;
    }
  return gradient;
}

Matrix rotate(const View& x, std::int64_t head_width, std::span<const std::int64_t> positions, Turn turn) {
  constexpr double base = 10'000;
  Matrix out = x;
  for (Index row = 0; row < x.rows(); ++row) {
    const double position = static_cast<double>(positions[static_cast<std::size_t>(row)]) * static_cast<double>(turn);
    for (Index pair = 0; pair + 1 < head_width; pair += 2) {
      const double angle = position * std::pow(base, -static_cast<double>(pair) / static_cast<double>(head_width));
      const double cosine = std::cos(angle), sine = std::sin(angle);
      for (Index column = pair; column < x.cols(); column += head_width) {
        out(row, column) = cosine * x(row, column) - sine * x(row, column + 1);
        out(row, column + 1) = sine * x(row, column) + cosine * x(row, column + 1);
      }
    }
  }
  return out;
}

Matrix embedding_forward(const View& table, std::int64_t first, std::span<const std::int64_t> tokens) {
  Matrix out = Matrix::Zero(std::ssize(tokens), table.cols());
  for (Index row = 0; row < out.rows(); ++row) {
    const std::int64_t token = tokens[static_cast<std::size_t>(row)];
    if (is_among(token, first, table.rows())) out.row(row) = table.row(token - first);
  }
  return out;
}

Matrix embedding_backward(std::int64_t rows, std::int64_t first, std::span<const std::int64_t> tokens,
                          const View& out_gradient) {
  Matrix gradient = Matrix::Zero(rows, out_gradient.cols());
  for (Index row = 0; row < out_gradient.rows(); ++row) {
    const std::int64_t token = tokens[static_cast<std::size_t>(row)];
    if (is_among(token, first, rows)) gradient.row(token - first) += out_gradient.row(row);
  }
  return gradient;
}

Matrix row_maximum(const View& logits) { return logits.rowwise().maxCoeff(); }

Matrix exponential_sum(const View& logits, const View& maximum) {
  return (logits.colwise() - maximum.col(0)).array().exp().rowwise().sum();
}

Matrix target_logit(const View& logits, std::int64_t first, std::span<const std::int64_t> targets) {
  Matrix out = Matrix::Zero(logits.rows(), 1);
  for (Index row = 0; row < logits.rows(); ++row) {
    const std::int64_t target = targets[static_cast<std::size_t>(row)];
    if (is_among(target, first, logits.cols())) out(row, 0) = logits(row, target - first);
  }
  return out;
}

Matrix cross_entropy(const View& maximum, const View& sum, const View& target) {
  return sum.array().log() + maximum.array() - target.array();
}

Matrix cross_entropy_backward(const View& logits, std::int64_t first, std::span<const std::int64_t> targets,
                              const View& maximum, const View& sum, double scale) {
  Matrix gradient = (logits.colwise() - maximum.col(0)).array().exp();
  gradient.array().colwise() /= sum.col(0).array();
  for (Index row = 0; row < logits.rows(); ++row) {
    const std::int64_t target = targets[static_cast<std::size_t>(row)];
    if (is_among(target, first, logits.cols())) gradient(row, target - first) -= 1;
  }
  return scale * gradient;
}

Routing route(const View& logits, std::int64_t per_token) {
  Routing out{.experts{logits.rows(), per_token}, .weights{logits.rows(), per_token}};
  std::vector<std::int64_t> order(static_cast<std::size_t>(logits.cols()));
  for (Index row = 0; row < logits.rows(); ++row) {
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](std::int64_t a, std::int64_t b) { return logits(row, a) > logits(row, b); });
    for (Index slot = 0; slot < per_token; ++slot) {
      out.experts(row, slot) = order[static_cast<std::size_t>(slot)];
      out.weights(row, slot) = std::exp(logits(row, out.experts(row, slot)) - logits(row, order.front()));
    }
    out.weights.row(row) /= out.weights.row(row).sum();
  }
  return out;
}

Matrix route_backward(const Routing& routing, std::int64_t experts, const View& weight_gradient) {
  Matrix gradient = Matrix::Zero(routing.weights.rows(), experts);
  for (Index row = 0; row < gradient.rows(); ++row) {
    const double mean = routing.weights.row(row).dot(weight_gradient.row(row));
    for (Index slot = 0; slot < routing.weights.cols(); ++slot)
      gradient(row, routing.experts(row, slot)) = routing.weights(row, slot) * (weight_gradient(row, slot) - mean);
  }
  return gradient;
}

}  // namespace rehearse
