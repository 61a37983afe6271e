#include "workloads/parameters.hpp"

#include <algorithm>

namespace rehearse {

namespace {

using Tensors = std::vector<ParameterTensor>;

std::int64_t round_up(std::int64_t value, std::int64_t step) { return (value + step - 1) / step * step; }

/// Scale and, but of an RMS norm, shift.
void add_norm(Tensors& out, const Model& m, const std::string& name) {
  out.push_back({.name = name + " weight", .rows = m.hidden});
  if (m.norm == Norm::layer_norm) out.push_back({.name = name + " bias", .rows = m.hidden});
}

/// The weight of a linear layer and its bias, which is as long as the weight has rows and cut as these are.
void add_linear(Tensors& out, const Model& m, ParameterTensor weight, const std::string& name) {
  weight.name = name + " weight";
  out.push_back(weight);
  if (!m.bias) return;
  weight.name = name + " bias";
  weight.columns = 1;
  if (weight.split == TensorSplit::columns) weight.split = TensorSplit::none;
  out.push_back(weight);
}

void add_attention(Tensors& out, const Model& m) {
  add_linear(out, m, {.rows = m.attention_width() + 2 * m.kv_width(), .columns = m.hidden, .split = TensorSplit::heads},
             "qkv");
  add_linear(out, m, {.rows = m.hidden, .columns = m.attention_width(), .split = TensorSplit::columns}, "projection");
}

/// DeepSeek-V2 (arXiv 2405.04434), Section 2.1 and Appendix C; no biases.
void add_latent_attention(Tensors& out, const Model& m) {
  const LatentAttention& l = m.latent;
  const std::int64_t queries = m.attention_width(), values = m.heads * l.value_dim;
  const auto add = [&](const char* name, std::int64_t rows, std::int64_t columns, TensorSplit split) {
    out.push_back({.name = name, .rows = rows, .columns = columns, .split = split});
  };
  if (l.query_rank > 0) {
    add("query down weight", l.query_rank, m.hidden, TensorSplit::none);
    add("query norm weight", l.query_rank, 1, TensorSplit::none);
    add("query up weight", queries, l.query_rank, TensorSplit::rows);
  } else {
    add("query weight", queries, m.hidden, TensorSplit::rows);
  }
  add("kv down weight", l.kv_rank + l.rotary, m.hidden, TensorSplit::none);
  add("kv norm weight", l.kv_rank, 1, TensorSplit::none);
  add("kv up weight", m.heads * (m.head_dim - l.rotary) + values, l.kv_rank, TensorSplit::rows);
  add("projection weight", m.hidden, values, TensorSplit::columns);
}

/// `experts` MLPs of inner width `ffn`; 0: one.
void add_mlp(Tensors& out, const Model& m, const std::string& prefix, std::int64_t ffn, std::int64_t experts) {
  add_linear(out, m,
             {.rows = m.gated() ? 2 * ffn : ffn,
              .columns = m.hidden,
              .split = m.gated() ? TensorSplit::gated : TensorSplit::rows,
              .experts = experts},
             prefix + "ffn 1");
  add_linear(out, m, {.rows = m.hidden, .columns = ffn, .split = TensorSplit::columns, .experts = experts},
             prefix + "ffn 2");
}

void add_experts(Tensors& out, const Model& m) {
  const Experts& e = m.experts;
  out.push_back({.name = "router weight", .rows = e.count, .columns = m.hidden});
  add_mlp(out, m, "expert ", e.ffn, e.count);
  if (e.shared > 0) add_mlp(out, m, "shared ", e.shared * e.ffn, 0);
}

ParameterTensor table(const Model& m, const char* name) {
  return {.name = name, .rows = m.vocab, .columns = m.hidden, .split = TensorSplit::vocabulary};
}

/// Heads of keys, and of values, that a tensor rank holds.
std::int64_t held_kv_heads(const Model& model, const Plan& plan) {
  return std::max<std::int64_t>(1, model.kv_heads / plan.tensor);
}

std::int64_t held_rows(const ParameterTensor& tensor, const Model& model, const Plan& plan) {
  switch (tensor.split) {
    case TensorSplit::none:
    case TensorSplit::columns: return tensor.rows;
    case TensorSplit::rows:
    case TensorSplit::gated: return tensor.rows / plan.tensor;
    case TensorSplit::heads: return (model.heads / plan.tensor + 2 * held_kv_heads(model, plan)) * model.head_dim;
    case TensorSplit::vocabulary: return padded_vocab(model, plan) / plan.tensor;
  }
  return tensor.rows;
}

/// Matrices that a GPU holds of a tensor: its experts, or one.
std::int64_t held_matrices(const ParameterTensor& tensor, const Plan& plan) {
  return tensor.experts > 0 ? tensor.experts / plan.expert : 1;
}

std::int64_t held_columns(const ParameterTensor& tensor, const Plan& plan) {
  return tensor.split == TensorSplit::columns ? tensor.columns / plan.tensor : tensor.columns;
}

std::int64_t factors_of(const ParameterTensor& tensor, const Model& model, const Plan& plan) {
  if (tensor.dealt_out || tensor.columns == 1) return held_elements(tensor, model, plan);
  return held_matrices(tensor, plan) * (held_rows(tensor, model, plan) + held_columns(tensor, plan));
}

HeldParameters held_of(const ParameterTensor& tensor, const Model& model, const Plan& plan) {
  HeldParameters held{.tensors = 1};
  const std::int64_t elements = held_elements(tensor, model, plan), factors = factors_of(tensor, model, plan);
  if (tensor.dealt_out || tensor.experts > 0) {
    (tensor.dealt_out ? held.dealt_out : held.expert) = elements;
    if (!tensor.dealt_out) held.expert_factors = factors;
    return held;
  }
  held.dense = elements;
  held.dense_factors = factors;
  if (tensor.split == TensorSplit::none && plan.sequence_parallel && plan.tensor > 1) held.replicated = elements;
  if (tensor.split == TensorSplit::heads && model.kv_heads < plan.tensor)
    held.shared_heads = 2 * held_kv_heads(model, plan) * model.head_dim * tensor.columns;
  return held;
}

/// Those of a layer that one token goes through.
std::int64_t active_elements(const ParameterTensor& tensor, const Model& m) {
  return tensor.experts > 0 ? tensor.elements() / tensor.experts * m.experts.per_token : tensor.elements();
}

std::int64_t sum_of(const Tensors& tensors) {
  std::int64_t sum = 0;
  for (const ParameterTensor& tensor : tensors) sum += tensor.elements();
  return sum;
}

/// Of `of(tensor)` over all layers.
template <class F>
std::int64_t sum_over_layers(const Model& m, F of) {
  std::int64_t sum = 0;
  for (std::int64_t layer = 0; layer < m.layers; ++layer)
    for (const ParameterTensor& tensor : layer_tensors(m, layer)) sum += of(tensor);
  return sum;
}

Flops sequence_flops(const std::vector<LayerKernel>& kernels) {
  Flops sum;
  for (const LayerKernel& kernel : kernels)
    sum += std::visit([](const auto& work) { return Kernel{.work = work}.flops(); }, kernel.work);
  return sum;
}

}  // namespace

std::vector<ParameterTensor> layer_tensors(const Model& model, std::int64_t layer) {
  Tensors out;
  if (!model.is_transformer()) {
    const LayerWork& work = model.sequence[static_cast<std::size_t>(layer)];
    if (work.parameters > 0) out.push_back({.name = work.name, .rows = work.parameters, .dealt_out = work.dealt_out});
    return out;
  }
  add_norm(out, model, "attention norm");
  model.is_latent() ? add_latent_attention(out, model) : add_attention(out, model);
  add_norm(out, model, "mlp norm");
  model.has_experts(layer) ? add_experts(out, model) : add_mlp(out, model, "", model.ffn, 0);
  return out;
}

std::vector<ParameterTensor> embedding_tensors(const Model& model) {
  if (!model.is_transformer()) return {};
  Tensors out{table(model, "word embedding")};
  if (model.positions == Positions::learned)
    out.push_back({.name = "position embedding", .rows = model.seq_len, .columns = model.hidden});
  return out;
}

std::vector<ParameterTensor> head_tensors(const Model& model) {
  if (!model.is_transformer()) return {};
  Tensors out;
  add_norm(out, model, "final norm");
  if (!model.tied_embeddings) out.push_back(table(model, "output weight"));
  return out;
}

std::int64_t held_elements(const ParameterTensor& tensor, const Model& model, const Plan& plan) {
  if (tensor.dealt_out) return (tensor.elements() + plan.data - 1) / plan.data;
  return held_matrices(tensor, plan) * held_rows(tensor, model, plan) * held_columns(tensor, plan);
}

HeldParameters& HeldParameters::operator+=(const HeldParameters& other) {
  dense += other.dense;
  expert += other.expert;
  dealt_out += other.dealt_out;
  replicated += other.replicated;
  shared_heads += other.shared_heads;
  tensors += other.tensors;
  dense_factors += other.dense_factors;
  expert_factors += other.expert_factors;
  return *this;
}

HeldParameters held_of(const std::vector<ParameterTensor>& tensors, const Model& model, const Plan& plan) {
  HeldParameters sum;
  for (const ParameterTensor& tensor : tensors) sum += held_of(tensor, model, plan);
  return sum;
}

HeldParameters layer_held(const Model& model, const Plan& plan, std::int64_t layer) {
  HeldParameters held = held_of(layer_tensors(model, layer), model, plan);
  if (!model.is_transformer()) held.tensors = model.sequence[static_cast<std::size_t>(layer)].tensors;
  return held;
}

HeldParameters chunk_held(const Model& model, const Plan& plan, std::int64_t chunk) {
  HeldParameters held;
  const LayerRange range = layers_of(model, plan, chunk);
  for (std::int64_t layer = range.first; layer < range.last; ++layer) held += layer_held(model, plan, layer);
  const bool first = chunk == 0, last = chunk + 1 == plan.chunks();
  if (first) held += held_of(embedding_tensors(model), model, plan);
  if (last) held += held_of(head_tensors(model), model, plan);
  if (last && !first && model.is_transformer() && model.tied_embeddings)
    held += held_of(table(model, "output weight"), model, plan);
  return held;
}

std::int64_t padded_vocab(const Model& model, const Plan& plan) { return round_up(model.vocab, 128 * plan.tensor); }

std::int64_t Model::parameters() const {
  return sum_over_layers(*this, [](const ParameterTensor& tensor) { return tensor.elements(); }) +
         sum_of(embedding_tensors(*this)) + sum_of(head_tensors(*this));
}

std::int64_t Model::active_parameters() const {
  return sum_over_layers(*this, [&](const ParameterTensor& tensor) { return active_elements(tensor, *this); }) +
         sum_of(embedding_tensors(*this)) + sum_of(head_tensors(*this));
}

Flops model_flops(const Model& m, std::int64_t global_batch) {
  const auto real = [](std::int64_t x) { return static_cast<double>(x); };
  const double tokens = real(global_batch * m.seq_len);
  if (!m.is_transformer()) {
    Flops sum;
    for (const LayerWork& layer : m.sequence) sum += sequence_flops(layer.forward) + sequence_flops(layer.backward);
    return tokens * sum;
  }
  // Every matrix of a layer is a product; vectors are biases and norms.
  const std::int64_t weights = sum_over_layers(
      m, [&](const ParameterTensor& tensor) { return tensor.columns > 1 ? active_elements(tensor, m) : 0; });
  const double attention = real(m.seq_len) * real(m.heads * (m.head_dim + m.value_dim()));
  const double head = real(m.hidden) * real(m.vocab);
  return Flops(3.0 * tokens * 2.0 * (real(weights) + real(m.layers) * attention + head));
}

}  // namespace rehearse
