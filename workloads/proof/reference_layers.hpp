// The two halves of a layer of the reference, forward and backward. Private to workloads/proof.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "workloads/model.hpp"
#include "workloads/proof/attention.hpp"
#include "workloads/proof/blocks.hpp"
#include "workloads/proof/tensors.hpp"

namespace rehearse {

/// The tensors of one layer (or of embedding and head) by name, and the sums of their gradients.
class LayerTensors {
 public:
  LayerTensors(const ParameterSet& parameters, ParameterSet& gradients, std::int64_t layer)
      : parameters_(parameters), gradients_(gradients), layer_(layer) {}

  /// std::logic_error where there is none.
  [[nodiscard]] const Matrix& at(const std::string& name, std::int64_t expert = no_expert) const;
  /// Null where there is none.
  [[nodiscard]] const Matrix* find(const std::string& name, std::int64_t expert = no_expert) const;
  /// As many elements as the tensor has, row by row.
  void add_gradient(const std::string& name, const Matrix& gradient, std::int64_t expert = no_expert) const;

 private:
  const ParameterSet& parameters_;
  ParameterSet& gradients_;
  std::int64_t layer_;
};

/// y = x W^T + b of "NAME weight" and "NAME bias" (where there is one). Backward gives the gradient of x.
Matrix linear_forward(const LayerTensors& tensors, const std::string& name, const Matrix& x,
                      std::int64_t expert = no_expert);
Matrix linear_backward(const LayerTensors& tensors, const std::string& name, const Matrix& x,
                       const Matrix& out_gradient, std::int64_t expert = no_expert);
/// Of "NAME weight" and "NAME bias".
Matrix norm_forward(const LayerTensors& tensors, const std::string& name, Norm norm, const Matrix& x);
Matrix norm_backward(const LayerTensors& tensors, const std::string& name, Norm norm, const Matrix& x,
                     const Matrix& out_gradient);

/// What latent attention keeps besides: the narrow vectors before and after their norms.
struct LatentTape {
  Matrix query, normed_query;
  Matrix key_value, normed_key_value;
};
struct AttentionTape {
  Matrix x, normed;
  Queries queries;
  Keys keys;
  LatentTape latent;
  AttentionPart part;
  Matrix output;
};
Matrix attention_half_forward(const Model& model, const LayerTensors& tensors, const Matrix& x, AttentionTape& tape);
Matrix attention_half_backward(const Model& model, const LayerTensors& tensors, const AttentionTape& tape,
                               const Matrix& out_gradient);

/// Two products and the activation between them, of some rows.
struct MlpTape {
  Matrix x, inner, activated, out;
};
struct ExpertsTape {
  Routing routing;
  std::vector<std::vector<std::int64_t>> rows, slots;  ///< of each expert: whose it is, and in which place of theirs
  std::vector<MlpTape> each;
  MlpTape shared;
};
struct MlpHalfTape {
  Matrix x, normed;
  MlpTape mlp;
  ExpertsTape experts;
};
Matrix mlp_half_forward(const Model& model, std::int64_t layer, const LayerTensors& tensors, const Matrix& x,
                        MlpHalfTape& tape);
Matrix mlp_half_backward(const Model& model, std::int64_t layer, const LayerTensors& tensors, const MlpHalfTape& tape,
                         const Matrix& out_gradient);

}  // namespace rehearse
