#include "workloads/proof/reference_layers.hpp"

#include <stdexcept>
#include <utility>

namespace rehearse {

const Matrix* LayerTensors::find(const std::string& name, std::int64_t expert) const {
  const auto found = parameters_.find({layer_, name, expert});
  return found == parameters_.end() ? nullptr : &found->second;
}

const Matrix& LayerTensors::at(const std::string& name, std::int64_t expert) const {
  if (const Matrix* found = find(name, expert)) return *found;
  throw std::logic_error("no parameter tensor '" + to_string({layer_, name, expert}) + "'");
}

void LayerTensors::add_gradient(const std::string& name, const Matrix& gradient, std::int64_t expert) const {
  const Matrix& parameter = at(name, expert);
  const auto [place, is_new] = gradients_.try_emplace({layer_, name, expert});
  if (is_new) place->second = Matrix::Zero(parameter.rows(), parameter.cols());
  place->second += gradient.reshaped<Eigen::RowMajor>(parameter.rows(), parameter.cols());
}

Matrix linear_forward(const LayerTensors& tensors, const std::string& name, const Matrix& x, std::int64_t expert) {
  Matrix y = x * tensors.at(name + " weight", expert).transpose();
  if (const Matrix* bias = tensors.find(name + " bias", expert))
    y.rowwise() += bias->reshaped<Eigen::RowMajor>().transpose();
  return y;
}

Matrix linear_backward(const LayerTensors& tensors, const std::string& name, const Matrix& x,
                       const Matrix& out_gradient, std::int64_t expert) {
  tensors.add_gradient(name + " weight", out_gradient.transpose() * x, expert);
  if (tensors.find(name + " bias", expert) != nullptr)
    tensors.add_gradient(name + " bias", column_sums(out_gradient), expert);
  return out_gradient * tensors.at(name + " weight", expert);
}

Matrix norm_forward(const LayerTensors& tensors, const std::string& name, Norm norm, const Matrix& x) {
  return norm_forward(norm, x, tensors.at(name + " weight"), tensors.find(name + " bias"));
}

Matrix norm_backward(const LayerTensors& tensors, const std::string& name, Norm norm, const Matrix& x,
                     const Matrix& out_gradient) {
  NormGradient gradient = norm_backward(norm, x, tensors.at(name + " weight"), out_gradient);
  tensors.add_gradient(name + " weight", gradient.weight);
  if (tensors.find(name + " bias") != nullptr) tensors.add_gradient(name + " bias", gradient.bias);
  return std::move(gradient.x);
}

}  // namespace rehearse
