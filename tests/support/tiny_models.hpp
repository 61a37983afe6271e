// Models small enough to be differentiated number by number.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/dice.hpp"
#include "workloads/model.hpp"

namespace rehearse::testing {

inline Model tiny_gpt() {
  Model m;
  m.name = "tiny gpt";
  m.layers = 2;
  m.hidden = 8;
  m.heads = m.kv_heads = 2;
  m.head_dim = 4;
  m.ffn = 12;
  m.vocab = 12;
  m.seq_len = 5;
  return m;
}

inline Model tiny_llama() {
  Model m = tiny_gpt();
  m.name = "tiny llama";
  m.hidden = 12;
  m.heads = 4;
  m.norm = Norm::rms_norm;
  m.activation = Activation::swiglu;
  m.positions = Positions::rotary;
  m.bias = m.tied_embeddings = false;
  return m;
}

inline Model with_experts(Model m, Experts experts) {
  m.name += " with experts";
  m.experts = experts;
  return m;
}

inline Model with_latent(Model m, LatentAttention latent) {
  m.name += " with latent attention";
  m.latent = latent;
  m.kv_heads = m.heads;
  return m;
}

/// Every option of a model by itself.
inline std::vector<Model> tiny_models() {
  std::vector<Model> all{tiny_gpt(), tiny_llama()};
  const auto vary = [&](Model m, const char* how, auto change) {
    m.name += how;
    change(m);
    all.push_back(std::move(m));
  };
  vary(tiny_gpt(), ", no bias", [](Model& m) { m.bias = false; });
  vary(tiny_gpt(), ", own output layer", [](Model& m) { m.tied_embeddings = false; });
  vary(tiny_gpt(), ", squared relu", [](Model& m) { m.activation = Activation::squared_relu; });
  vary(tiny_gpt(), ", wide heads", [](Model& m) { m.head_dim = 6; });
  vary(tiny_llama(), ", one KV head", [](Model& m) { m.kv_heads = 1; });
  vary(tiny_llama(), ", odd heads with biases", [](Model& m) {
    m.head_dim = 3;
    m.bias = true;
  });
  all.push_back(with_experts(tiny_gpt(), {.count = 3, .per_token = 2, .ffn = 6}));
  all.push_back(with_experts(tiny_llama(), {.count = 4, .per_token = 1, .ffn = 4}));
  Model deep = with_experts(tiny_llama(), {.count = 4, .per_token = 3, .ffn = 5, .shared = 2, .first_dense = 1});
  deep.layers = 4;
  deep.experts.every = 2;
  all.push_back(deep);
  all.push_back(with_latent(tiny_llama(), {.query_rank = 5, .kv_rank = 6, .rotary = 2, .value_dim = 3}));
  all.push_back(with_latent(deep, {.query_rank = 0, .kv_rank = 4, .rotary = 4, .value_dim = 5}));
  all.push_back(with_latent(tiny_gpt(), {.query_rank = 3, .kv_rank = 7, .rotary = 0, .value_dim = 4}));
  return all;
}

/// Options in any mixture.
inline Model drawn_model(std::uint64_t draw) {
  Dice dice(draw);
  Model m = tiny_gpt();
  m.name = "drawn " + std::to_string(draw);
  m.layers = 1 + dice.below(2);
  m.hidden = 8 + dice.below(9);
  m.heads = 2 + dice.below(3);
  m.kv_heads = dice.divisor(m.heads);
  m.head_dim = 2 + dice.below(4);
  m.seq_len = 4 + dice.below(3);
  m.norm = dice.of<Norm>({Norm::layer_norm, Norm::rms_norm});
  m.activation = dice.of<Activation>({Activation::gelu, Activation::swiglu, Activation::squared_relu});
  m.positions = dice.of<Positions>({Positions::learned, Positions::rotary});
  m.bias = dice.one_in(2);
  m.tied_embeddings = dice.one_in(2);
  if (dice.one_in(2)) {
    const std::int64_t count = 1 + dice.below(4);
    m = with_experts(m, {.count = count, .per_token = 1 + dice.below(count), .ffn = 5, .shared = dice.below(3)});
  }
  if (dice.one_in(3)) m = with_latent(m, {.query_rank = dice.below(4), .kv_rank = 4, .rotary = 2, .value_dim = 3});
  return m;
}

}  // namespace rehearse::testing
