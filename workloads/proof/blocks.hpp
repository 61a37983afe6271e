// What the layers of a transformer compute, as pure functions on rows of tokens, forward and backward. Each works on
// whole matrices and on the share of one rank alike, and on no rows at all. Backward takes what forward took, and the
// gradient of what it gave; attention has a file of its own. A vector is a matrix of one row or column.
#pragma once

#include <cstdint>
#include <span>

#include "workloads/model.hpp"
#include "workloads/proof/tensors.hpp"

namespace rehearse {

/// One row: the gradient of a bias, from that of what it was added to.
Matrix column_sums(const View& rows);

/// Added to the variance or mean square.
inline constexpr double norm_epsilon = 1e-5;

/// Of each row. `bias`: null where there is none.
Matrix norm_forward(Norm norm, const View& x, const View& weight, const Matrix* bias);
struct NormGradient {
  Matrix x, weight, bias;  ///< weight and bias: one row
};
NormGradient norm_backward(Norm norm, const View& x, const View& weight, const View& out_gradient);

/// gelu with the error function itself (Hendrycks and Gimpel 2016). swiglu (Shazeer 2020) takes rows of twice the width
/// that it gives: the first half is the gate.
Matrix activation_forward(Activation activation, const View& x);
Matrix activation_backward(Activation activation, const View& x, const View& out_gradient);

/// Rotary positions (Su et al. 2021, equation 34, base 10,000) of rows of heads, each `head_width` wide: columns 2 i
/// and 2 i + 1 of a head are turned by position / 10000^(2 i / head_width); an odd last one stays. One position for
/// each row.
enum class Turn : std::int8_t { forward = 1, backward = -1 };
Matrix rotate(const View& x, std::int64_t head_width, std::span<const std::int64_t> positions, Turn turn);

/// Rows of `table`, which holds those from `first` of the whole; zeros for tokens that are not among them.
Matrix embedding_forward(const View& table, std::int64_t first, std::span<const std::int64_t> tokens);
/// Of the `rows` rows from `first`.
Matrix embedding_backward(std::int64_t rows, std::int64_t first, std::span<const std::int64_t> tokens,
                          const View& out_gradient);

/// Cross entropy in pieces (Shoeybi et al. 2019, Section 3), each one column, of logits for the words from `first`.
/// The maximum over all shares, then the sum of sums, and of target logits, give the loss of each row.
Matrix row_maximum(const View& logits);
Matrix exponential_sum(const View& logits, const View& maximum);
/// 0 where the target is not among these words.
Matrix target_logit(const View& logits, std::int64_t first, std::span<const std::int64_t> targets);
Matrix cross_entropy(const View& maximum, const View& sum, const View& target);
/// softmax less 1 at the target, times `scale` (the gradient of each row's loss). `maximum` and `sum` of all words.
Matrix cross_entropy_backward(const View& logits, std::int64_t first, std::span<const std::int64_t> targets,
                              const View& maximum, const View& sum, double scale);

/// The experts of each row of logits: the k most probable, the lower number where two are alike. Their probabilities
/// (softmax over all) are brought to a sum of 1 (Jiang et al. 2024, Section 2.1), which is a softmax over the k alone:
/// those not chosen get no gradient, and of k = 1 none does.
struct Routing {
  Eigen::Matrix<std::int64_t, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> experts;  ///< k columns
  Matrix weights;                                                                        ///< of those
};
Routing route(const View& logits, std::int64_t per_token);
/// Of the logits, of which there are `experts` in a row.
Matrix route_backward(const Routing& routing, std::int64_t experts, const View& weight_gradient);

}  // namespace rehearse
