// Model: the shape of a decoder-only transformer (GPT-3 and Llama families).
#pragma once

#include <cstdint>
#include <string>

#include "engine/base/document.hpp"

namespace rehearse {

enum class Norm : std::uint8_t { layer_norm, rms_norm };
enum class Activation : std::uint8_t { gelu, swiglu, squared_relu };
enum class Positions : std::uint8_t { learned, rotary };

struct Model {
  std::string name;
  std::int64_t layers = 0;
  std::int64_t hidden = 0;
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;  ///< < heads: grouped-query attention
  std::int64_t head_dim = 0;  ///< hidden / heads unless given
  std::int64_t ffn = 0;       ///< inner width of the MLP
  std::int64_t vocab = 0;
  std::int64_t seq_len = 0;
  Activation activation = Activation::gelu;
  Norm norm = Norm::layer_norm;
  Positions positions = Positions::learned;
  bool bias = true;  ///< linear layers have one
  bool dropout = true;
  bool tied_embeddings = true;  ///< the output layer is the input embedding

  /// swiglu has a gate: the first MLP product is twice as wide.
  [[nodiscard]] bool gated() const { return activation == Activation::swiglu; }
  [[nodiscard]] std::int64_t ffn_in_width() const { return gated() ? 2 * ffn : ffn; }
  [[nodiscard]] std::int64_t kv_width() const { return kv_heads * head_dim; }
  [[nodiscard]] std::int64_t attention_width() const { return heads * head_dim; }

  /// Parameters of one layer: QKV, projection, MLP, norms and biases.
  [[nodiscard]] std::int64_t layer_parameters() const;
  /// Token and position embeddings; of the output layer where it is not tied.
  [[nodiscard]] std::int64_t embedding_parameters() const;
  [[nodiscard]] std::int64_t head_parameters() const;
  [[nodiscard]] std::int64_t parameters() const;
};

/// Read a model; faults are noted on the reader.
Model read_model(Reader& reader);

/// The model as YAML, every key with its value (for results).
Value to_value(const Model& model);

}  // namespace rehearse
