#include "workloads/proof/shards.hpp"

#include <algorithm>

namespace rehearse {

namespace {

class Cut {
 public:
  Cut(const Model& model, const Plan& plan, std::int64_t rank) : model_(model), plan_(plan), rank_(rank) {}

  [[nodiscard]] HeldTensor of(const ParameterTensor& tensor, std::int64_t layer) const {
    HeldTensor held{.key = {layer, tensor.name}, .columns = tensor.columns, .windows = {}};
    const MatrixWindow whole{.rows = tensor.rows, .columns = tensor.columns};
    switch (tensor.split) {
      case TensorSplit::none:
        held.windows = {whole};
        held.replicated = true;
        break;
      case TensorSplit::rows: held.windows = {share(0, tensor.rows, tensor.columns)}; break;
      case TensorSplit::columns: {
        const std::int64_t columns = tensor.columns / plan_.tensor;
        held.windows = {{.column = rank_ * columns, .rows = tensor.rows, .columns = columns}};
        break;
      }
      case TensorSplit::gated:
        held.windows = {share(0, tensor.rows / 2, tensor.columns),
                        share(tensor.rows / 2, tensor.rows / 2, tensor.columns)};
        break;
      case TensorSplit::vocabulary: held.windows = {share(0, padded_vocab(model_, plan_), tensor.columns)}; break;
      case TensorSplit::heads: add_heads(tensor.columns, held); break;
    }
    return held;
  }

 private:
  /// This rank's part of the rows from `first`.
  [[nodiscard]] MatrixWindow share(std::int64_t first, std::int64_t rows, std::int64_t columns) const {
    const std::int64_t count = rows / plan_.tensor;
    return {.row = first + rank_ * count, .rows = count, .columns = columns};
  }

  void add_heads(std::int64_t columns, HeldTensor& held) const {
    const std::int64_t queries = model_.attention_width(), d = model_.head_dim;
    held.windows = {share(0, queries, columns)};
    for (std::int64_t first : {queries, queries + model_.kv_width()}) {
      const bool shares = model_.kv_heads < plan_.tensor;
      if (shares) {
        held.shared_row = held.windows.front().rows;
        first += rank_ * model_.kv_heads / plan_.tensor * d;
      }
      held.windows.push_back(shares ? MatrixWindow{.row = first, .rows = d, .columns = columns}
                                    : share(first, model_.kv_width(), columns));
    }
  }

  const Model& model_;
  const Plan& plan_;
  std::int64_t rank_;
};

}  // namespace

std::int64_t HeldTensor::rows() const {
  std::int64_t sum = 0;
  for (const MatrixWindow& window : windows) sum += window.rows;
  return sum;
}

std::vector<HeldTensor> held_tensors(const Model& model, const Plan& plan, std::int64_t chunk, std::int64_t rank) {
  const Cut cut(model, plan, rank);
  std::vector<HeldTensor> out;
  const auto add = [&](const std::vector<ParameterTensor>& tensors, std::int64_t layer) {
    for (const ParameterTensor& tensor : tensors)
      if (tensor.experts == 0) out.push_back(cut.of(tensor, layer));
  };
  const bool first = chunk == 0, last = chunk + 1 == plan.chunks();
  if (last && !first && model.tied_embeddings) {
    add({embedding_tensors(model).front()}, outside_layers);
    out.back().tied_copy = true;
  }
  if (last) add(head_tensors(model), outside_layers);
  const LayerRange range = layers_of(model, plan, chunk);
  for (std::int64_t layer = range.last - 1; layer >= range.first; --layer) add(layer_tensors(model, layer), layer);
  if (!first) return out;
  std::vector<ParameterTensor> embedding = embedding_tensors(model);
  std::ranges::reverse(embedding);
  add(embedding, outside_layers);
  return out;
}

std::vector<HeldTensor> held_experts(const Model& model, const Plan& plan, std::int64_t chunk, std::int64_t rank,
                                     std::int64_t expert_rank) {
  const Cut cut(model, plan, rank);
  std::vector<HeldTensor> out;
  const LayerRange range = layers_of(model, plan, chunk);
  for (std::int64_t layer = range.last - 1; layer >= range.first; --layer)
    for (const ParameterTensor& tensor : layer_tensors(model, layer)) {
      const std::int64_t count = tensor.experts / plan.expert;
      for (std::int64_t expert = expert_rank * count; expert < (expert_rank + 1) * count; ++expert) {
        out.push_back(cut.of(tensor, layer));
        out.back().key.expert = expert;
      }
    }
  return out;
}

Matrix initial_values(const HeldTensor& tensor, std::uint64_t seed) {
  Matrix out(tensor.rows(), tensor.windows.front().columns);
  Eigen::Index row = 0;
  for (const MatrixWindow& window : tensor.windows) {
    out.middleRows(row, window.rows) = initial_values(tensor.key, tensor.columns, window, seed);
    row += window.rows;
  }
  return out;
}

Matrix cut(const HeldTensor& tensor, const Matrix& whole) {
  Matrix out = Matrix::Zero(tensor.rows(), tensor.windows.front().columns);
  Eigen::Index row = 0;
  for (const MatrixWindow& window : tensor.windows) {
    const std::int64_t rows = std::clamp<std::int64_t>(whole.rows() - window.row, 0, window.rows);
    if (rows > 0) out.middleRows(row, rows) = whole.block(window.row, window.column, rows, window.columns);
    row += window.rows;
  }
  return out;
}

}  // namespace rehearse
