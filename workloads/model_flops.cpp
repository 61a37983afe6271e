// FLOPs of parts of a model, for dealing its layers out evenly.
#include "workloads/parameters.hpp"

namespace rehearse {

namespace {

double real(std::int64_t x) { return static_cast<double>(x); }

/// Products that one token makes with a tensor; of experts, with those that it is sent to.
double products(const ParameterTensor& tensor, const Model& model) {
  if (tensor.columns < 2) return 0;  // biases and norms
  return real(tensor.rows * tensor.columns) * (tensor.experts > 0 ? real(model.experts.per_token) : 1.0);
}

}  // namespace

Flops layer_flops(const Model& model, std::int64_t layer) {
  if (!model.is_transformer()) {
    Flops sum;
    for (const LayerKernel& kernel : model.sequence[static_cast<std::size_t>(layer)].forward)
      sum += std::visit([](const auto& work) { return Kernel{{}, work}.flops(); }, kernel.work);
    return sum;
  }
  double sum = real(model.seq_len) * real(model.heads * (model.head_dim + model.value_dim()));
  for (const ParameterTensor& tensor : layer_tensors(model, layer)) sum += products(tensor, model);
  return Flops(2.0 * real(model.seq_len) * sum);
}

Flops head_flops(const Model& model) {
  return Flops(model.is_transformer() ? 2.0 * real(model.seq_len) * real(model.hidden * model.vocab) : 0.0);
}

}  // namespace rehearse
