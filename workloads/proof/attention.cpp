#include "workloads/proof/attention.hpp"

#include <cmath>
#include <limits>

namespace rehearse {

namespace {

using Eigen::Index;

constexpr double unseen = -std::numeric_limits<double>::infinity();

/// exp(score - maximum), where nothing seen is nothing.
double share_of(double score, double maximum) { return score == unseen ? 0 : std::exp(score - maximum); }

/// The columns of one head.
struct HeadColumns {
  Index query, key, value, output;
};
HeadColumns columns_of(const AttentionShape& shape, Index head) {
  const Index group = head / (shape.heads / shape.kv_heads);
  return {head * shape.head_dim, group * shape.head_dim, group * shape.value_dim, head * shape.value_dim};
}

double scale_of(const AttentionShape& shape) { return 1 / std::sqrt(static_cast<double>(shape.head_dim)); }

Matrix scores_of(const AttentionShape& shape, const Queries& queries, const Keys& keys, const HeadColumns& at) {
  Matrix scores = scale_of(shape) * queries.rows.middleCols(at.query, shape.head_dim) *
                  keys.keys.middleCols(at.key, shape.head_dim).transpose();
  for (std::size_t row = 0; row < queries.positions.size(); ++row)
    for (std::size_t key = 0; key < keys.positions.size(); ++key)
      if (keys.positions[key] > queries.positions[row])
        scores(static_cast<Index>(row), static_cast<Index>(key)) = unseen;
  return scores;
}

/// exp(score - maximum) of each row's maximum.
Matrix shares_of(const Matrix& scores, const View& maximum) {
  return Matrix::NullaryExpr(scores.rows(), scores.cols(),
                             [&](Index row, Index key) { return share_of(scores(row, key), maximum(row, 0)); });
}

}  // namespace

AttentionPart attention_part(const AttentionShape& shape, const Queries& queries, const Keys& keys) {
  const Index rows = queries.rows.rows();
  AttentionPart part{Matrix::Zero(rows, shape.heads * shape.value_dim), Matrix::Constant(rows, shape.heads, unseen),
                     Matrix::Zero(rows, shape.heads)};
  if (queries.positions.empty() || keys.positions.empty()) return part;
  for (Index head = 0; head < shape.heads; ++head) {
    const HeadColumns at = columns_of(shape, head);
    const Matrix scores = scores_of(shape, queries, keys, at);
    part.maximum.col(head) = scores.rowwise().maxCoeff();
    const Matrix shares = shares_of(scores, part.maximum.col(head));
    part.sum.col(head) = shares.rowwise().sum();
    part.weighted.middleCols(at.output, shape.value_dim) = shares * keys.values.middleCols(at.value, shape.value_dim);
  }
  return part;
}

AttentionPart merge(const AttentionPart& a, const AttentionPart& b) {
  AttentionPart both{Matrix(a.weighted.rows(), a.weighted.cols()), a.maximum.cwiseMax(b.maximum),
                     Matrix(a.sum.rows(), a.sum.cols())};
  const Index value_dim = a.weighted.cols() / a.sum.cols();
  for (Index row = 0; row < a.sum.rows(); ++row)
    for (Index head = 0; head < a.sum.cols(); ++head) {
      const double of_a = share_of(a.maximum(row, head), both.maximum(row, head));
      const double of_b = share_of(b.maximum(row, head), both.maximum(row, head));
      both.sum(row, head) = of_a * a.sum(row, head) + of_b * b.sum(row, head);
      both.weighted.row(row).segment(head * value_dim, value_dim) =
          of_a * a.weighted.row(row).segment(head * value_dim, value_dim) +
          of_b * b.weighted.row(row).segment(head * value_dim, value_dim);
    }
  return both;
}

Matrix attention_output(const AttentionPart& whole) {
  const Index value_dim = whole.weighted.cols() / whole.sum.cols();
  return Matrix::NullaryExpr(whole.weighted.rows(), whole.weighted.cols(), [&](Index row, Index column) {
    return whole.weighted(row, column) / whole.sum(row, column / value_dim);
  });
}

AttentionGradient attention_backward(const AttentionShape& shape, const Queries& queries, const Keys& keys,
                                     const AttentionPart& whole, const View& output_gradient) {
  AttentionGradient out{Matrix::Zero(queries.rows.rows(), queries.rows.cols()),
                        Matrix::Zero(keys.keys.rows(), keys.keys.cols()),
                        Matrix::Zero(keys.values.rows(), keys.values.cols())};
  if (queries.positions.empty() || keys.positions.empty()) return out;
  const Matrix along = output_gradient.cwiseProduct(attention_output(whole));
  for (Index head = 0; head < shape.heads; ++head) {
    const HeadColumns at = columns_of(shape, head);
    const auto given = output_gradient.middleCols(at.output, shape.value_dim);
    Matrix probabilities = shares_of(scores_of(shape, queries, keys, at), whole.maximum.col(head));
    probabilities.array().colwise() /= whole.sum.col(head).array();
    Matrix of_scores = given * keys.values.middleCols(at.value, shape.value_dim).transpose();
    of_scores.colwise() -= along.middleCols(at.output, shape.value_dim).rowwise().sum();
    of_scores = scale_of(shape) * of_scores.cwiseProduct(probabilities);
    out.queries.middleCols(at.query, shape.head_dim) = of_scores * keys.keys.middleCols(at.key, shape.head_dim);
    out.keys.middleCols(at.key, shape.head_dim) +=
        of_scores.transpose() * queries.rows.middleCols(at.query, shape.head_dim);
    out.values.middleCols(at.value, shape.value_dim) += probabilities.transpose() * given;
  }
  return out;
}

Keys latent_keys(const LatentHeads& shape, const LatentRows& rows) {
  const Index key = shape.own + shape.rotary, up = shape.own + shape.value_dim, count = rows.up.rows();
  Keys out{Matrix(count, shape.heads * key), Matrix(count, shape.heads * shape.value_dim), {}};
  for (Index head = 0; head < shape.heads; ++head) {
    out.keys.middleCols(head * key, shape.own) = rows.up.middleCols(head * up, shape.own);
    out.keys.middleCols(head * key + shape.own, shape.rotary) = rows.rotary;
    out.values.middleCols(head * shape.value_dim, shape.value_dim) =
        rows.up.middleCols(head * up + shape.own, shape.value_dim);
  }
  return out;
}

LatentRows latent_keys_backward(const LatentHeads& shape, const View& key_gradient, const View& value_gradient) {
  const Index key = shape.own + shape.rotary, up = shape.own + shape.value_dim, count = key_gradient.rows();
  LatentRows out{Matrix(count, shape.heads * up), Matrix::Zero(count, shape.rotary)};
  for (Index head = 0; head < shape.heads; ++head) {
    out.up.middleCols(head * up, shape.own) = key_gradient.middleCols(head * key, shape.own);
    out.rotary += key_gradient.middleCols(head * key + shape.own, shape.rotary);
    out.up.middleCols(head * up + shape.own, shape.value_dim) =
        value_gradient.middleCols(head * shape.value_dim, shape.value_dim);
  }
  return out;
}

Matrix rotate_latent_queries(const LatentHeads& shape, const View& queries, const RowPositions& positions, Turn turn) {
  Matrix out = queries;
  const Index width = shape.own + shape.rotary;
  for (Index head = 0; head < shape.heads; ++head)
    out.middleCols(head * width + shape.own, shape.rotary) =
        rotate(queries.middleCols(head * width + shape.own, shape.rotary), shape.rotary, positions, turn);
  return out;
}

}  // namespace rehearse
