// What the halves of a layer begin and end with (workloads/layers/norm.cpp), and the whole of the dense MLP.
#include <fmt/format.h>

#include "workloads/proof/kernel_scope.hpp"

namespace rehearse {

void run_norm(const KernelScope& k, const NormNames& names) {
  // A recomputation begins with the checkpoint.
  const Matrix* kept = k.kind() == Kind::recompute ? k.find(names.input) : nullptr;
  if (kept != nullptr)
    k.set_stream(*kept);
  else
    k.write(names.input, k.stream());
  const Matrix& weight = k.parameter(fmt::format("{} weight", names.parameter));
  Matrix y =
      norm_forward(k.model().norm, k.stream(), weight, k.find_parameter(fmt::format("{} bias", names.parameter)));
  k.frame().region.set(y);
  k.write(names.output, std::move(y));
}

Matrix run_norm_gradient(const KernelScope& k, const NormNames& names) {
  const std::string weight = fmt::format("{} weight", names.parameter), bias = fmt::format("{} bias", names.parameter);
  NormGradient gradient = norm_backward(k.model().norm, k.read(names.input), k.parameter(weight), k.from_region());
  k.add_gradient(weight, gradient.weight);
  if (k.has_parameter(bias)) k.add_gradient(bias, gradient.bias);
  return std::move(gradient.x);
}

bool run_half_kernel(const KernelScope& k, const NormNames& norm, std::string_view bias, std::string_view kernel) {
  if (kernel == "norm") {
    run_norm(k, norm);
  } else if (kernel == "norm gradient") {
    k.set_gradient(k.gradient() + run_norm_gradient(k, norm));
  } else if (kernel == "bias, dropout, add") {
    Matrix x = k.stream() + k.from_region();
    if (const Matrix* b = k.find_parameter(bias)) x.rowwise() += b->reshaped().transpose();
    k.set_stream(std::move(x));
    if (k.kind() == Kind::recompute) k.frame().region.set(k.frame().gradient);  // what the backward pass goes on with
  } else if (kernel != "dropout gradient") {                                    // of a mask of ones
    return false;
  }
  return true;
}

void run_mlp_kernel(const KernelScope& k, std::string_view name) {
  static constexpr NormNames norm{"mlp input", "mlp norm", "mlp norm"};
  static constexpr LinearNames first{.name = "ffn 1",
                                     .weight = "ffn 1 weight",
                                     .bias = "ffn 1 bias",
                                     .input = "mlp norm",
                                     .output = "ffn 1 output",
                                     .output_gradient = "ffn 1 output gradient",
                                     .input_gradient = {}};
  static constexpr LinearNames second{.name = "ffn 2",
                                      .weight = "ffn 2 weight",
                                      .bias = "ffn 2 bias",
                                      .row_parallel = true,
                                      .input = "ffn 2 input",
                                      .output = {},
                                      .output_gradient = "ffn 2 output gradient",
                                      .input_gradient = "ffn 2 input gradient"};
  if (run_half_kernel(k, norm, "ffn 2 bias", name) || run_linear_kernel(k, first, name) ||
      run_linear_kernel(k, second, name))
    return;
  if (name == "activation")
    return k.write("ffn 2 input", activation_forward(k.model().activation, k.read("ffn 1 output")));
  if (name != "activation gradient") unknown_kernel(k.block(), name);
  k.write("ffn 1 output gradient",
          activation_backward(k.model().activation, k.read("ffn 1 output"), k.read("ffn 2 input gradient")));
}

}  // namespace rehearse
