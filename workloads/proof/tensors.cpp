#include "workloads/proof/tensors.hpp"

#include <cmath>
#include <string_view>

#include <fmt/format.h>

#include "engine/base/mixing.hpp"
#include "workloads/parameters.hpp"

namespace rehearse {

namespace {

/// Weights of norms lie this far about 1, biases about 0: far enough that a gradient which forgets them is wrong.
constexpr double vector_spread = 0.25;

std::uint64_t word(std::int64_t x) { return static_cast<std::uint64_t>(x); }

std::uint64_t hash_of(const TensorKey& key, std::uint64_t seed) {
  std::uint64_t hash = mix({seed, word(key.layer), word(key.expert)});
  for (const char c : key.name) hash = mix(hash ^ static_cast<unsigned char>(c));
  return hash;
}

/// From [-1, 1).
double uniform(std::uint64_t hash) { return std::ldexp(static_cast<double>(hash >> 11), -52) - 1; }

/// Initial values are offset + scale * uniform.
struct Spread {
  double offset, scale;
};
Spread spread_of(std::string_view name, std::int64_t columns) {
  if (name.ends_with("norm weight")) return {1, vector_spread};
  if (name.ends_with("bias")) return {0, vector_spread};
  return {0, std::sqrt(3.0 / static_cast<double>(columns))};  // a variance of 1 / columns
}

}  // namespace

std::string to_string(const TensorKey& key) {
  const std::string expert = key.expert == no_expert ? "" : fmt::format(", expert {}", key.expert);
  return key.layer == outside_layers ? key.name : fmt::format("layer {}{}: {}", key.layer, expert, key.name);
}

Matrix initial_values(const TensorKey& key, std::int64_t columns, const MatrixWindow& window, std::uint64_t seed) {
  const std::uint64_t hash = hash_of(key, seed);
  const Spread spread = spread_of(key.name, columns);
  return Matrix::NullaryExpr(window.rows, window.columns, [&](Eigen::Index row, Eigen::Index column) {
    const std::uint64_t place = mix({hash, word(window.row + row), word(window.column + column)});
    return spread.offset + spread.scale * uniform(place);
  });
}

ParameterSet initial_parameters(const Model& model, std::uint64_t seed) {
  ParameterSet set;
  const auto add = [&](std::int64_t layer, const std::vector<ParameterTensor>& tensors) {
    for (const ParameterTensor& t : tensors) {
      const std::int64_t first = t.experts > 0 ? 0 : no_expert, end = t.experts > 0 ? t.experts : no_expert + 1;
      for (std::int64_t expert = first; expert < end; ++expert) {
        const TensorKey key{layer, t.name, expert};
        set.emplace(key, initial_values(key, t.columns, {.rows = t.rows, .columns = t.columns}, seed));
      }
    }
  };
  add(outside_layers, embedding_tensors(model));
  for (std::int64_t layer = 0; layer < model.layers; ++layer) add(layer, layer_tensors(model, layer));
  add(outside_layers, head_tensors(model));
  return set;
}

Sample synthetic_sample(const Model& model, std::int64_t index, std::uint64_t seed) {
  const auto token = [&](std::int64_t position) {
    return static_cast<std::int64_t>(mix({seed, word(index), word(position)}) % word(model.vocab));
  };
  Sample sample;
  for (std::int64_t position = 0; position < model.seq_len; ++position) {
    sample.tokens.push_back(token(position));
    sample.targets.push_back(token(position + 1));
  }
  return sample;
}

Batch synthetic_batch(const Model& model, std::int64_t samples, std::uint64_t seed) {
  Batch batch;
  for (std::int64_t index = 0; index < samples; ++index) batch.push_back(synthetic_sample(model, index, seed));
  return batch;
}

}  // namespace rehearse
