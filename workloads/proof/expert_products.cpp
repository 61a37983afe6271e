// The products of experts, each of its own rows, and the activation between them (workloads/layers/experts.cpp).
#include "workloads/proof/expert_rows.hpp"
#include "workloads/proof/fault.hpp"

namespace rehearse {

namespace {

using Eigen::Index;

/// One kernel of a grouped product, of which there are two where rows do not divide by experts: calls
/// `each(expert, first row, rows)`.
template <class Each>
void for_experts(const KernelScope& k, std::string_view name, Each each) {
  const Plan& plan = k.state().plan();
  const Experts& e = k.model().experts;
  const Matrix& input =
      k.read(name.starts_with("expert ffn 1") || !k.frame().expert_rows.backward ? "expert input"
                                                                                 : "expert ffn 2 output gradient");
  const std::int64_t local = e.count / plan.expert;
  const std::int64_t even = k.shape().local_tokens * e.per_token * (k.shape().split_tokens ? k.shape().tensor : 1);
  const std::int64_t more = even % local;
  const bool two = more > 0 && even >= local;
  const bool second = k.frame().expert_rows.products[std::string(name)]++ % 2 == 1;
  const std::int64_t base = k.state().replica % plan.expert * local;
  const std::int64_t begin = base + (two && second ? more : 0), end = two && !second ? base + more : base + local;
  Index row = 0;
  for (std::int64_t expert = base; expert < base + local; ++expert) {
    const Index first = row;
    while (row < input.rows() && expert_of(input, row) == expert) ++row;
    if (expert >= begin && expert < end) each(expert, first, row - first);
  }
  if (row != input.rows()) throw ProofFault("multiplies rows that are not in the order of their experts");
}

/// What was written of a product so far.
Matrix product_so_far(const KernelScope& k, std::string_view name, Index rows, Index columns) {
  const Matrix* found = k.find(name);
  return found != nullptr && found->rows() == rows && found->cols() == columns ? *found : Matrix::Zero(rows, columns);
}

void first_product(const KernelScope& k, std::string_view name) {
  const Matrix& x = k.read("expert input");
  const Index hidden = x.cols() - row_tags;
  const std::int64_t t = k.shape().tensor, inner = k.model().experts.ffn / t * (k.model().gated() ? 2 : 1);
  Matrix out = product_so_far(k, "expert ffn 1 output", x.rows(), inner);
  for_experts(k, name, [&](std::int64_t expert, Index first, Index rows) {
    Matrix y = x.block(first, 0, rows, hidden) * k.parameter("expert ffn 1 weight", expert).transpose();
    if (const Matrix* bias = k.find_parameter("expert ffn 1 bias", expert)) y.rowwise() += bias->reshaped().transpose();
    out.middleRows(first, rows) = y;
  });
  k.write("expert ffn 1 output", std::move(out));
}

Matrix weights_of(const KernelScope& k) { return k.read("expert input").rightCols(1); }

Matrix scaled(const Matrix& rows, const Matrix& weights) { return weights.col(0).asDiagonal() * rows; }

/// The router's weights are multiplied in.
void activate(const KernelScope& k) {
  k.write("expert ffn 2 input",
          scaled(activation_forward(k.model().activation, k.read("expert ffn 1 output")), weights_of(k)));
}

/// The bias, weighed as well, is the first tensor rank's.
void second_product(const KernelScope& k, std::string_view name) {
  const Matrix& x = k.read("expert ffn 2 input");
  const Matrix weights = weights_of(k);
  Matrix out = product_so_far(k, "expert output", x.rows(), k.shape().hidden + 1);
  for_experts(k, name, [&](std::int64_t expert, Index first, Index rows) {
    Matrix y = x.middleRows(first, rows) * k.parameter("expert ffn 2 weight", expert).transpose();
    const Matrix* bias = k.find_parameter("expert ffn 2 bias", expert);
    if (bias != nullptr && k.shape().tensor_rank == 0)
      y += weights.middleRows(first, rows) * bias->reshaped().transpose();
    out.block(first, 0, rows, y.cols()) = y;
  });
  k.write("expert output", std::move(out));
}

void second_input_gradient(const KernelScope& k, std::string_view name) {
  const Matrix& given = k.read("expert ffn 2 output gradient");
  const Index hidden = given.cols() - row_tags;
  Matrix out = product_so_far(k, "expert ffn 2 input gradient", given.rows(), k.model().experts.ffn / k.shape().tensor);
  Matrix of_bias = product_so_far(k, "weights gradient by bias", given.rows(), 1);
  for_experts(k, name, [&](std::int64_t expert, Index first, Index rows) {
    const auto of_expert = given.block(first, 0, rows, hidden);
    out.middleRows(first, rows) = of_expert * k.parameter("expert ffn 2 weight", expert);
    const Matrix* bias = k.find_parameter("expert ffn 2 bias", expert);
    if (bias != nullptr && k.shape().tensor_rank == 0) of_bias.middleRows(first, rows) = of_expert * bias->reshaped();
  });
  k.write("expert ffn 2 input gradient", std::move(out));
  k.write("weights gradient by bias", std::move(of_bias));
}

void second_weight_gradient(const KernelScope& k, std::string_view name) {
  const Matrix &given = k.read("expert ffn 2 output gradient"), &input = k.read("expert ffn 2 input");
  const Index hidden = given.cols() - row_tags;
  for_experts(k, name, [&](std::int64_t expert, Index first, Index rows) {
    const Matrix of_expert = given.block(first, 0, rows, hidden);
    k.add_gradient("expert ffn 2 weight", of_expert.transpose() * input.middleRows(first, rows), expert);
    if (k.has_parameter("expert ffn 2 bias", expert))
      k.add_gradient("expert ffn 2 bias", column_sums(scaled(of_expert, given.block(first, given.cols() - 1, rows, 1))),
                     expert);
  });
}

void activation_gradient(const KernelScope& k) {
  const Matrix &inner = k.read("expert ffn 1 output"), &given = k.read("expert ffn 2 input gradient");
  const Activation activation = k.model().activation;
  Matrix of_weights = k.read("weights gradient by bias");
  of_weights += given.cwiseProduct(activation_forward(activation, inner)).rowwise().sum();
  k.write("weights gradient of rows", std::move(of_weights));
  k.write("expert ffn 1 output gradient", activation_backward(activation, inner, scaled(given, weights_of(k))));
}

void first_input_gradient(const KernelScope& k, std::string_view name) {
  const Matrix& given = k.read("expert ffn 1 output gradient");
  Matrix out = product_so_far(k, "expert input gradient", given.rows(), k.shape().hidden + 1);
  for_experts(k, name, [&](std::int64_t expert, Index first, Index rows) {
    out.block(first, 0, rows, k.shape().hidden) =
        given.middleRows(first, rows) * k.parameter("expert ffn 1 weight", expert);
  });
  out.rightCols(1) = k.read("weights gradient of rows");
  k.write("expert input gradient", std::move(out));
}

void first_weight_gradient(const KernelScope& k, std::string_view name) {
  const Matrix &given = k.read("expert ffn 1 output gradient"), &input = k.read("expert input");
  for_experts(k, name, [&](std::int64_t expert, Index first, Index rows) {
    const Matrix of_expert = given.middleRows(first, rows);
    k.add_gradient("expert ffn 1 weight", of_expert.transpose() * input.block(first, 0, rows, input.cols() - row_tags),
                   expert);
    if (k.has_parameter("expert ffn 1 bias", expert))
      k.add_gradient("expert ffn 1 bias", column_sums(of_expert), expert);
  });
}

}  // namespace

bool run_expert_product(const KernelScope& k, std::string_view name) {
  if (name == "expert ffn 1") return first_product(k, name), true;
  if (name == "expert ffn 2") return second_product(k, name), true;
  if (name == "expert ffn 2 gradient of input") return second_input_gradient(k, name), true;
  if (name == "expert ffn 2 gradient of weight") return second_weight_gradient(k, name), true;
  if (name == "expert ffn 1 gradient of input") return first_input_gradient(k, name), true;
  if (name == "expert ffn 1 gradient of weight") return first_weight_gradient(k, name), true;
  if (name == "expert activation") return activate(k), true;
  if (name == "expert activation gradient") return activation_gradient(k), true;
  return false;
}

}  // namespace rehearse
