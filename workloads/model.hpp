// Model: the shape of a decoder-only transformer (GPT-3, Llama, Mixtral and DeepSeek families), or a sequence of layers
// of any other kind.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/document.hpp"
#include "engine/base/table.hpp"
#include "engine/base/units.hpp"
#include "workloads/layer_work.hpp"

namespace rehearse {

enum class Norm : std::uint8_t { layer_norm, rms_norm };
enum class Activation : std::uint8_t { gelu, swiglu, squared_relu };
enum class Positions : std::uint8_t { learned, rotary };

/// A mixture of experts in place of the MLP (Fedus et al. 2021; Dai et al. 2024 for shared experts).
struct Experts {
  std::int64_t count = 0;        ///< 0: the model is dense
  std::int64_t per_token = 1;    ///< top k
  std::int64_t ffn = 0;          ///< inner width of one
  std::int64_t shared = 0;       ///< experts of the same width that every token goes through as well
  std::int64_t first_dense = 0;  ///< so many layers from the first have an MLP all the same
  std::int64_t every = 1;        ///< of the others each so-many-th has experts, beginning with the first
  /// Slots of an expert as a share of what it would get if tokens were spread evenly: it computes them all, and
  /// tokens beyond them are dropped. 0: as many as come, which is taken to be even.
  double capacity_factor = 0;
};

/// Multi-head latent attention (DeepSeek-V2, arXiv 2405.04434, Section 2.1): queries, and keys with values, by way of
/// narrow products. Model::head_dim is that of a query and a key, `rotary` included.
struct LatentAttention {
  std::int64_t query_rank = 0;  ///< 0: queries are made at once
  std::int64_t kv_rank = 0;     ///< 0: no latent attention
  std::int64_t rotary = 0;      ///< of head_dim so many carry the position; of a key one for all heads
  std::int64_t value_dim = 0;   ///< of a value of a head
};

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
  Experts experts;
  LatentAttention latent;
  /// Not a transformer: these layers one after another; of the above only `layers` (their number), `name` and seq_len
  /// (1: a sample is one token) mean anything.
  std::vector<LayerWork> sequence;
  std::string kind = "transformer";  ///< a row of model_kind_table()
  Value shape;                       ///< of another kind: its own keys, each with its value

  [[nodiscard]] bool is_transformer() const { return sequence.empty(); }
  [[nodiscard]] bool has_experts(std::int64_t layer) const {
    return experts.count > 0 && layer >= experts.first_dense && (layer - experts.first_dense) % experts.every == 0;
  }
  [[nodiscard]] bool is_latent() const { return latent.kv_rank > 0; }
  /// Of a value of one head: head_dim, but for latent attention.
  [[nodiscard]] std::int64_t value_dim() const { return is_latent() ? latent.value_dim : head_dim; }

  /// swiglu has a gate: the first MLP product is twice as wide.
  [[nodiscard]] bool gated() const { return activation == Activation::swiglu; }
  [[nodiscard]] std::int64_t ffn_in_width() const { return gated() ? 2 * ffn : ffn; }
  [[nodiscard]] std::int64_t kv_width() const { return kv_heads * head_dim; }
  [[nodiscard]] std::int64_t attention_width() const { return heads * head_dim; }

  /// All of them, each once: the sums of workloads/parameters.hpp.
  [[nodiscard]] std::int64_t parameters() const;
  /// Those that one token goes through: of the experts only as many as it is sent to.
  [[nodiscard]] std::int64_t active_parameters() const;
};

/// A kind of model: its keys become a transformer's shape or a sequence of layers.
struct ModelKindRow {
  std::string_view name;
  std::string_view description;
  /// Reads the keys of the kind; faults are noted on the reader.
  void (*read)(Reader& reader, Model& model) = nullptr;
};
/// custom, dlrm, mlp, resnet, transformer.
const Table<ModelKindRow>& model_kind_table();

/// FLOPs of the matrix products of one sequence forward, attention counted in full: of a layer, of what follows the
/// last one.
Flops layer_flops(const Model& model, std::int64_t layer);
Flops head_flops(const Model& model);
/// FLOPs of matrix products that a model needs for one iteration, forward and backward, without recomputation and with
/// attention counted in full (Narayanan et al. 2021, equation in Section 5.1 without its recomputation term). Of
/// experts those that a token is sent to; of a sequence all that its kernels have.
Flops model_flops(const Model& model, std::int64_t global_batch);

/// Read a model; faults are noted on the reader.
Model read_model(Reader& reader);

/// The model as YAML, every key with its value (for results).
Value to_value(const Model& model);

}  // namespace rehearse
