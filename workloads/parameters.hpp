// Parameters: the tensors of a model, and what a GPU holds of each under a plan. One list that memory, gradients, the
// optimizer and the proof of a plan go by.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "workloads/model.hpp"
#include "workloads/plan.hpp"

namespace rehearse {

/// How tensor parallelism cuts a tensor of rows x columns (y = W x; Shoeybi et al. 2019).
///   none        every rank has all of it
///   rows        a share of the rows: a column-parallel layer in the words of the paper
///   columns     a share of the columns: a row-parallel one
///   heads       the rows of queries, then keys, then values: a share of the heads; where there are fewer KV heads than
///               ranks, ranks share one
///   gated       two halves of rows one after the other, a share of each
///   vocabulary  rows, after padding to a multiple of 128 times the ranks
enum class TensorSplit : std::uint8_t { none, rows, columns, heads, gated, vocabulary };

struct ParameterTensor {
  std::string name;  ///< "qkv weight"
  std::int64_t rows = 0, columns = 1;
  TensorSplit split = TensorSplit::none;
  std::int64_t experts = 0;  ///< so many of them, dealt out over the expert-parallel ranks; 0: one, on every rank
  bool dealt_out = false;    ///< over the data-parallel ranks (LayerWork)

  [[nodiscard]] std::int64_t elements() const { return rows * columns * (experts > 0 ? experts : 1); }
};

/// The tensors of one layer, in the order in which a forward pass uses them. Of a transformer:
///   attention norm weight [, attention norm bias], qkv weight [, qkv bias], projection weight [, projection bias],
///   or with latent attention query down weight, query norm weight, query up weight (or query weight), kv down weight,
///   kv norm weight, kv up weight, projection weight;
///   mlp norm weight [, mlp norm bias], ffn 1 weight [, ffn 1 bias], ffn 2 weight [, ffn 2 bias], or with experts
///   router weight, expert ffn 1 weight, expert ffn 2 weight [with biases], shared ffn 1 weight, shared ffn 2 weight
/// The hidden width is the columns of what reads the residual stream, and the rows of what writes it.
std::vector<ParameterTensor> layer_tensors(const Model& model, std::int64_t layer);
/// Before the first layer: word embedding [, position embedding]. None where the model is not a transformer.
std::vector<ParameterTensor> embedding_tensors(const Model& model);
/// After the last: final norm weight [, final norm bias] [, output weight: only where it is not tied].
std::vector<ParameterTensor> head_tensors(const Model& model);

/// Elements of a tensor that one GPU holds, before ZeRO.
std::int64_t held_elements(const ParameterTensor& tensor, const Model& model, const Plan& plan);

/// Where a tensor's gradients are summed.
struct HeldParameters {
  std::int64_t dense = 0;      ///< over the data-parallel (and context-parallel) ranks
  std::int64_t expert = 0;     ///< over those of them that hold the same experts
  std::int64_t dealt_out = 0;  ///< nowhere
  /// Of the dense ones, those that every tensor rank has while it sees only its share of the tokens
  /// (sequence_parallel): summed over the tensor ranks, too.
  std::int64_t replicated = 0;
  std::int64_t shared_heads = 0;  ///< of the dense ones, those of KV heads that several tensor ranks share
  std::int64_t tensors = 0;       ///< that they come in
  /// Of the first two: a matrix has a sum of each row and of each column, a vector its elements (what Adafactor keeps
  /// of second moments: Shazeer and Stern 2018, Section 3).
  std::int64_t dense_factors = 0, expert_factors = 0;

  [[nodiscard]] std::int64_t all() const { return dense + expert + dealt_out; }
  HeldParameters& operator+=(const HeldParameters& other);
};
HeldParameters held_of(const std::vector<ParameterTensor>& tensors, const Model& model, const Plan& plan);
/// Of one layer; the same for all layers alike.
HeldParameters layer_held(const Model& model, const Plan& plan, std::int64_t layer);
/// Of a model chunk, embedding and head included. The copy of a tied embedding that the last chunk holds counts.
HeldParameters chunk_held(const Model& model, const Plan& plan, std::int64_t chunk);

/// The model chunks of a stage, in the order of its own.
std::vector<std::int64_t> chunks_of_stage(const Plan& plan, std::int64_t stage);
/// Of all chunks of a stage.
HeldParameters held_of_stage(const Model& model, const Plan& plan, std::int64_t stage);

/// The vocabulary, padded so that it divides by the tensor ranks (Megatron-LM).
std::int64_t padded_vocab(const Model& model, const Plan& plan);

}  // namespace rehearse
