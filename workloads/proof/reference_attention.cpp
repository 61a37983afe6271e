#include <numeric>
#include <utility>

#include "workloads/proof/reference_layers.hpp"

namespace rehearse {

namespace {

/// The norms of the narrow vectors, whatever the model's own.
constexpr Norm latent_norm = Norm::rms_norm;

LatentHeads latent_heads(const Model& model) {
  return {.heads = model.heads,
          .own = model.head_dim - model.latent.rotary,
          .rotary = model.latent.rotary,
          .value_dim = model.value_dim()};
}

AttentionShape shape_of(const Model& model) {
  return {.heads = model.heads,
          .kv_heads = model.is_latent() ? model.heads : model.kv_heads,
          .head_dim = model.head_dim,
          .value_dim = model.value_dim()};
}

bool is_turned(const Model& model) { return model.positions == Positions::rotary; }

void plain_forward(const Model& model, const LayerTensors& tensors, AttentionTape& tape) {
  const Matrix qkv = linear_forward(tensors, "qkv", tape.normed);
  tape.queries.rows = qkv.leftCols(model.attention_width());
  tape.keys.keys = qkv.middleCols(model.attention_width(), model.kv_width());
  tape.keys.values = qkv.rightCols(model.kv_width());
  if (!is_turned(model)) return;
  tape.queries.rows = rotate(tape.queries.rows, model.head_dim, tape.queries.positions, Turn::forward);
  tape.keys.keys = rotate(tape.keys.keys, model.head_dim, tape.keys.positions, Turn::forward);
}

/// Gives the gradient of the normed rows.
Matrix plain_backward(const Model& model, const LayerTensors& tensors, const AttentionTape& tape,
                      AttentionGradient gradient) {
  if (is_turned(model)) {
    gradient.queries = rotate(gradient.queries, model.head_dim, tape.queries.positions, Turn::backward);
    gradient.keys = rotate(gradient.keys, model.head_dim, tape.keys.positions, Turn::backward);
  }
  Matrix of_qkv(tape.normed.rows(), model.attention_width() + 2 * model.kv_width());
  of_qkv << gradient.queries, gradient.keys, gradient.values;
  return linear_backward(tensors, "qkv", tape.normed, of_qkv);
}

Matrix latent_queries(const Model& model, const LayerTensors& tensors, AttentionTape& tape) {
  if (model.latent.query_rank == 0) return linear_forward(tensors, "query", tape.normed);
  tape.latent.query = linear_forward(tensors, "query down", tape.normed);
  tape.latent.normed_query = norm_forward(tensors, "query norm", latent_norm, tape.latent.query);
  return linear_forward(tensors, "query up", tape.latent.normed_query);
}

Matrix latent_queries_backward(const Model& model, const LayerTensors& tensors, const AttentionTape& tape,
                               const Matrix& gradient) {
  if (model.latent.query_rank == 0) return linear_backward(tensors, "query", tape.normed, gradient);
  const Matrix of_normed = linear_backward(tensors, "query up", tape.latent.normed_query, gradient);
  const Matrix of_narrow = norm_backward(tensors, "query norm", latent_norm, tape.latent.query, of_normed);
  return linear_backward(tensors, "query down", tape.normed, of_narrow);
}

void latent_forward(const Model& model, const LayerTensors& tensors, AttentionTape& tape) {
  const LatentHeads shape = latent_heads(model);
  tape.queries.rows = latent_queries(model, tensors, tape);
  const Matrix down = linear_forward(tensors, "kv down", tape.normed);
  tape.latent.key_value = down.leftCols(model.latent.kv_rank);
  tape.latent.normed_key_value = norm_forward(tensors, "kv norm", latent_norm, tape.latent.key_value);
  LatentRows rows{linear_forward(tensors, "kv up", tape.latent.normed_key_value), down.rightCols(shape.rotary)};
  if (is_turned(model)) {
    tape.queries.rows = rotate_latent_queries(shape, tape.queries.rows, tape.queries.positions, Turn::forward);
    rows.rotary = rotate(rows.rotary, shape.rotary, tape.keys.positions, Turn::forward);
  }
  RowPositions positions = std::move(tape.keys.positions);
  tape.keys = latent_keys(shape, rows);
  tape.keys.positions = std::move(positions);
}

Matrix latent_backward(const Model& model, const LayerTensors& tensors, const AttentionTape& tape,
                       AttentionGradient gradient) {
  const LatentHeads shape = latent_heads(model);
  LatentRows rows = latent_keys_backward(shape, gradient.keys, gradient.values);
  if (is_turned(model)) {
    gradient.queries = rotate_latent_queries(shape, gradient.queries, tape.queries.positions, Turn::backward);
    rows.rotary = rotate(rows.rotary, shape.rotary, tape.keys.positions, Turn::backward);
  }
  const Matrix of_normed = linear_backward(tensors, "kv up", tape.latent.normed_key_value, rows.up);
  Matrix of_down(tape.normed.rows(), model.latent.kv_rank + shape.rotary);
  of_down << norm_backward(tensors, "kv norm", latent_norm, tape.latent.key_value, of_normed), rows.rotary;
  return linear_backward(tensors, "kv down", tape.normed, of_down) +
         latent_queries_backward(model, tensors, tape, gradient.queries);
}

}  // namespace

Matrix attention_half_forward(const Model& model, const LayerTensors& tensors, const Matrix& x, AttentionTape& tape) {
  tape.x = x;
  tape.normed = norm_forward(tensors, "attention norm", model.norm, x);
  tape.queries.positions.resize(static_cast<std::size_t>(x.rows()));
  std::iota(tape.queries.positions.begin(), tape.queries.positions.end(), 0);
  tape.keys.positions = tape.queries.positions;
  (model.is_latent() ? latent_forward : plain_forward)(model, tensors, tape);
  tape.part = attention_part(shape_of(model), tape.queries, tape.keys);
  tape.output = attention_output(tape.part);
  return x + linear_forward(tensors, "projection", tape.output);
}

Matrix attention_half_backward(const Model& model, const LayerTensors& tensors, const AttentionTape& tape,
                               const Matrix& out_gradient) {
  const Matrix of_output = linear_backward(tensors, "projection", tape.output, out_gradient);
  AttentionGradient gradient = attention_backward(shape_of(model), tape.queries, tape.keys, tape.part, of_output);
  const Matrix of_normed =
      (model.is_latent() ? latent_backward : plain_backward)(model, tensors, tape, std::move(gradient));
  return out_gradient + norm_backward(tensors, "attention norm", model.norm, tape.x, of_normed);
}

}  // namespace rehearse
