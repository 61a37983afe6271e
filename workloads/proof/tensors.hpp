// The numbers of a proof: matrices in double precision, the parameters of a model by name, a batch of samples; all made
// from a seed, the same for whoever asks for a part.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <Eigen/Core>

#include "workloads/model.hpp"

namespace rehearse {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
/// A matrix, or rows and columns of one that stand together. As a result `auto` would keep a reference: say Matrix.
using View = Eigen::Ref<const Matrix>;

/// Layer of the tensors of embedding and head.
inline constexpr std::int64_t outside_layers = -1;
/// Expert of the tensors that are not one of many.
inline constexpr std::int64_t no_expert = -1;

struct TensorKey {
  std::int64_t layer = outside_layers;
  std::string name;  ///< of the ParameterTensor
  std::int64_t expert = no_expert;

  auto operator<=>(const TensorKey&) const = default;
};
/// "layer 3, expert 1: expert ffn 1 weight".
std::string to_string(const TensorKey& key);

/// Whole tensors of the shapes that workloads/parameters.hpp gives (rows x columns, y = W x; what is one column or one
/// row is a vector). Rows that hold several things one after the other:
///   qkv         queries of all heads, keys of all KV heads, values of all KV heads; a head's head_dim rows together
///   ffn 1       of a gated activation: the gate, then what it multiplies
///   query up    (or query) of latent attention, for each head: head_dim - rotary rows, then the rotary ones
///   kv down     the kv_rank rows of the narrow vector, then the rotary ones of the key that all heads share
///   kv up       for each head: head_dim - rotary rows of its key, then value_dim of its value
///   shared ffn  the shared experts as one MLP of all their widths
using ParameterSet = std::map<TensorKey, Matrix>;

/// Part of a tensor.
struct MatrixWindow {
  std::int64_t row = 0, column = 0, rows = 0, columns = 0;
};

/// A window of a tensor as training begins: numbers from a hash of their place. `columns`, of the whole tensor: their
/// size is such that a product keeps the variance (weights of norms are about 1). Rows beyond the tensor (a padded
/// vocabulary's) have numbers too.
Matrix initial_values(const TensorKey& key, std::int64_t columns, const MatrixWindow& window, std::uint64_t seed);
/// All tensors of a transformer.
ParameterSet initial_parameters(const Model& model, std::uint64_t seed);

struct Sample {
  std::vector<std::int64_t> tokens;
  std::vector<std::int64_t> targets;  ///< of each token the next one
};
using Batch = std::vector<Sample>;

/// Of the model's seq_len; `index` counts over the global batch.
Sample synthetic_sample(const Model& model, std::int64_t index, std::uint64_t seed);
Batch synthetic_batch(const Model& model, std::int64_t samples, std::uint64_t seed);

}  // namespace rehearse
