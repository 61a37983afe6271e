// A decoder-only transformer: GPT-3, Llama, and with experts and latent attention Mixtral and DeepSeek.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "engine/base/enum_names.hpp"
#include "workloads/model_kinds/rows.hpp"

namespace rehearse {

namespace {

constexpr std::array<std::string_view, 2> norm_names{"layer_norm", "rms_norm"};
constexpr std::array<std::string_view, 3> activation_names{"gelu", "swiglu", "squared_relu"};
constexpr std::array<std::string_view, 2> position_names{"learned", "rotary"};
constexpr std::int64_t most_experts = 1 << 16;

/// In floating point, for the sum itself may be what overflows.
void check_countable(Reader& reader, const Model& m) {
  const auto real = [](std::int64_t x) { return static_cast<double>(x); };
  const double experts = real(m.experts.count + m.experts.shared) * real(m.experts.ffn);
  const double inner = (m.gated() ? 3 : 2) * (real(m.ffn) + experts);
  const double head = real(m.heads) * real(m.head_dim + m.value_dim());
  const double rows = head + 2 * real(m.kv_heads) * real(m.head_dim) + inner;
  const double parameters = real(m.hidden) * (real(m.layers) * rows + 2 * real(m.vocab));
  if (parameters > most_parameters)
    reader.fault(fmt::format("a model of {:.3g} parameters; expected at most {:.0e}", parameters, most_parameters));
}

void read_heads(Reader& reader, Model& m) {
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
}

void read_experts(Reader& reader, Model& m) {
  if (!reader.has("experts")) return static_cast<void>(reader.child("experts"));
  Reader at = reader.child("experts");
  Experts& e = m.experts;
  e.count = read_size(at, "count", most_experts);
  e.per_token = read_size(at, "per_token", most_experts, 1);
  const bool counted = !at.any_fault();
  if (counted && e.per_token > e.count)
    at.fault("per_token", fmt::format("a token goes to {} of {} experts; expected at most all", e.per_token, e.count));
  e.ffn = read_size(at, "ffn", 4 * most_width, m.ffn);
  e.shared = at_most(at, "shared", at.get_at_least("shared", 0, 0), most_experts);
  e.first_dense = at.get_at_least("first_dense", 0, 0);
  if (e.first_dense >= m.layers)
    at.fault("first_dense", fmt::format("none of {} layers is left for experts; expected less", m.layers));
  e.every = read_size(at, "every", most_layers, 1);
  e.capacity_factor = at.get<double>("capacity_factor", 0);
  if (e.capacity_factor < 0) at.fault("capacity_factor", "expected zero (as many tokens as come) or more");
  if (counted && e.capacity_factor > static_cast<double>(e.count))
    at.fault("capacity_factor", fmt::format("expected at most {}, slots for every token at each expert", e.count));
}

void read_latent(Reader& reader, Model& m) {
  if (!reader.has("latent")) return static_cast<void>(reader.child("latent"));
  Reader at = reader.child("latent");
  LatentAttention& l = m.latent;
  l.query_rank = at_most(at, "query_rank", at.get_at_least("query_rank", 0, 0), most_width);
  l.kv_rank = read_size(at, "kv_rank", most_width);
  l.rotary = at.get_at_least("rotary", 0, 0);
  if (l.rotary >= m.head_dim)
    at.fault("rotary",
             fmt::format("{} of a head's {} carry the position; expected less than head_dim", l.rotary, m.head_dim));
  l.value_dim = read_size(at, "value_dim", most_width, std::max<std::int64_t>(1, m.head_dim - l.rotary));
  if (m.kv_heads != m.heads)
    reader.fault("kv_heads", "with latent attention every head has keys and values of its own; leave it out");
}

void read_transformer(Reader& reader, Model& m) {
  m.layers = read_size(reader, "layers", most_layers);
  m.hidden = read_size(reader, "hidden", most_width);
  read_heads(reader, m);
  m.ffn = read_size(reader, "ffn", 4 * most_width, 4 * m.hidden);
  m.vocab = read_size(reader, "vocab", most_tokens);
  m.seq_len = read_size(reader, "seq_len", most_tokens);
  m.activation = read_enum(reader, "activation", "activation", activation_names, Activation::gelu);
  m.norm = read_enum(reader, "norm", "norm", norm_names, Norm::layer_norm);
  m.positions = read_enum(reader, "positions", "positions", position_names, Positions::learned);
  m.bias = reader.get<bool>("bias", true);
  m.dropout = reader.get<bool>("dropout", true);
  m.tied_embeddings = reader.get<bool>("tied_embeddings", true);
  read_experts(reader, m);
  read_latent(reader, m);
  check_countable(reader, m);
}

Value to_value(const Experts& e) {
  Value out;
  for (const auto& [key, number] : {std::pair{"count", e.count},
                                    {"per_token", e.per_token},
                                    {"ffn", e.ffn},
                                    {"shared", e.shared},
                                    {"first_dense", e.first_dense},
                                    {"every", e.every}})
    out[key] = scalar_value(number);
  out["capacity_factor"] = scalar_value(fmt::format("{}", e.capacity_factor));
  return out;
}

Value to_value(const LatentAttention& l) {
  Value out;
  for (const auto& [key, number] : {std::pair{"query_rank", l.query_rank},
                                    {"kv_rank", l.kv_rank},
                                    {"rotary", l.rotary},
                                    {"value_dim", l.value_dim}})
    out[key] = scalar_value(number);
  return out;
}

}  // namespace

void put_transformer(const Model& m, Value& out) {
  for (const auto& [key, number] : {std::pair{"layers", m.layers},
                                    {"hidden", m.hidden},
                                    {"heads", m.heads},
                                    {"kv_heads", m.kv_heads},
                                    {"head_dim", m.head_dim},
                                    {"ffn", m.ffn},
                                    {"vocab", m.vocab},
                                    {"seq_len", m.seq_len}})
    out[key] = scalar_value(number);
  out["activation"] = scalar_value(enum_name(activation_names, m.activation));
  out["norm"] = scalar_value(enum_name(norm_names, m.norm));
  out["positions"] = scalar_value(enum_name(position_names, m.positions));
  for (const auto& [key, flag] :
       {std::pair{"bias", m.bias}, {"dropout", m.dropout}, {"tied_embeddings", m.tied_embeddings}})
    out[key] = scalar_value(flag);
  if (m.experts.count > 0) out["experts"] = to_value(m.experts);
  if (m.is_latent()) out["latent"] = to_value(m.latent);
}

const ModelKindRow transformer_kind{"transformer", "a decoder-only transformer, with or without experts",
                                    read_transformer};

}  // namespace rehearse
