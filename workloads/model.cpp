#include "workloads/model.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace rehearse {

namespace {

constexpr std::array<std::string_view, 2> norm_names{"layer_norm", "rms_norm"};
constexpr std::array<std::string_view, 3> activation_names{"gelu", "swiglu", "squared_relu"};
constexpr std::array<std::string_view, 2> position_names{"learned", "rotary"};

/// Read one of `names` as the enumerator at its place.
template <class E, std::size_t N>
E read_enum(Reader& reader, std::string_view key, const std::array<std::string_view, N>& names, E fallback) {
  const std::vector<std::string> all(names.begin(), names.end());
  const std::string found = reader.get_name(key, key, all, all[static_cast<std::size_t>(fallback)]);
  for (std::size_t i = 0; i < N; ++i)
    if (names[i] == found) return static_cast<E>(i);
  return fallback;
}

// Far above any model; below them nothing that is counted in 64 bits overflows.
constexpr std::int64_t most_layers = 10'000;
constexpr std::int64_t most_width = 1 << 20;
constexpr std::int64_t most_tokens = 1 << 28;  ///< of a vocabulary, of a sequence
constexpr double most_parameters = 1e15;

std::int64_t at_most(Reader& reader, std::string_view key, std::int64_t value, std::int64_t most) {
  if (value <= most) return value;
  reader.fault(key, fmt::format("expected at most {}, found {}", most, value));
  return most;
}
std::int64_t read_size(Reader& reader, std::string_view key, std::int64_t most) {
  return at_most(reader, key, reader.get_at_least(key, 1), most);
}
std::int64_t read_size(Reader& reader, std::string_view key, std::int64_t most, std::int64_t fallback) {
  return at_most(reader, key, reader.get_at_least(key, 1, fallback), most);
}

/// In floating point, for the sum itself may be what overflows.
void check_countable(Reader& reader, const Model& m) {
  const auto real = [](std::int64_t x) { return static_cast<double>(x); };
  const double rows = 2 * real(m.attention_width()) + 2 * real(m.kv_width()) + real(m.ffn_in_width()) + real(m.ffn);
  const double parameters = real(m.hidden) * (real(m.layers) * rows + 2 * real(m.vocab));
  if (parameters > most_parameters)
    reader.fault(fmt::format("a model of {:.3g} parameters; expected at most {:.0e}", parameters, most_parameters));
}

/// Scale and shift of one normalisation; RMS norm has no shift.
std::int64_t norm_parameters(const Model& m) { return m.norm == Norm::layer_norm ? 2 * m.hidden : m.hidden; }

}  // namespace

std::int64_t Model::layer_parameters() const {
  const std::int64_t qkv = hidden * (attention_width() + 2 * kv_width());
  const std::int64_t projection = attention_width() * hidden;
  const std::int64_t mlp = hidden * ffn_in_width() + ffn * hidden;
  const std::int64_t biases = bias ? attention_width() + 2 * kv_width() + hidden + ffn_in_width() + hidden : 0;
  return qkv + projection + mlp + biases + 2 * norm_parameters(*this);
}

std::int64_t Model::embedding_parameters() const {
  return vocab * hidden + (positions == Positions::learned ? seq_len * hidden : 0);
}

std::int64_t Model::head_parameters() const { return norm_parameters(*this) + (tied_embeddings ? 0 : vocab * hidden); }

std::int64_t Model::parameters() const {
  return layers * layer_parameters() + embedding_parameters() + head_parameters();
}

Model read_model(Reader& reader) {
  Model m;
  m.name = reader.get<std::string>("name", "custom");
  reader.get<std::string>("description", "");
  m.layers = read_size(reader, "layers", most_layers);
  m.hidden = read_size(reader, "hidden", most_width);
  m.heads = read_size(reader, "heads", most_width);
  m.kv_heads = read_size(reader, "kv_heads", most_width, m.heads);
  if (m.heads > 0 && m.hidden % m.heads != 0 && !reader.has("head_dim"))
    reader.fault("heads", "hidden " + std::to_string(m.hidden) + " does not divide by " + std::to_string(m.heads) +
                              " heads; give head_dim, or heads that divide it");
  m.head_dim =
      read_size(reader, "head_dim", most_width, m.heads > 0 ? std::max<std::int64_t>(1, m.hidden / m.heads) : 1);
  if (m.kv_heads > 0 && m.heads % m.kv_heads != 0)
    reader.fault("kv_heads",
                 std::to_string(m.heads) + " heads do not divide by " + std::to_string(m.kv_heads) + " KV heads");
  m.ffn = read_size(reader, "ffn", 4 * most_width, 4 * m.hidden);
  m.vocab = read_size(reader, "vocab", most_tokens);
  m.seq_len = read_size(reader, "seq_len", most_tokens);
  m.activation = read_enum(reader, "activation", activation_names, Activation::gelu);
  m.norm = read_enum(reader, "norm", norm_names, Norm::layer_norm);
  m.positions = read_enum(reader, "positions", position_names, Positions::learned);
  m.bias = reader.get<bool>("bias", true);
  m.dropout = reader.get<bool>("dropout", true);
  m.tied_embeddings = reader.get<bool>("tied_embeddings", true);
  check_countable(reader, m);
  return m;
}

Value to_value(const Model& m) {
  Value out;
  const auto name_of = [](const auto& names, auto e) { return std::string(names[static_cast<std::size_t>(e)]); };
  out["name"] = scalar_value(m.name);
  for (const auto& [key, number] : {std::pair{"layers", m.layers},
                                    {"hidden", m.hidden},
                                    {"heads", m.heads},
                                    {"kv_heads", m.kv_heads},
                                    {"head_dim", m.head_dim},
                                    {"ffn", m.ffn},
                                    {"vocab", m.vocab},
                                    {"seq_len", m.seq_len}})
    out[key] = scalar_value(number);
  out["activation"] = scalar_value(name_of(activation_names, m.activation));
  out["norm"] = scalar_value(name_of(norm_names, m.norm));
  out["positions"] = scalar_value(name_of(position_names, m.positions));
  for (const auto& [key, flag] :
       {std::pair{"bias", m.bias}, {"dropout", m.dropout}, {"tied_embeddings", m.tied_embeddings}})
    out[key] = scalar_value(flag);
  return out;
}

}  // namespace rehearse
