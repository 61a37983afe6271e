// Parameter tensors: their sums against closed forms, and what the GPUs of a plan hold of them.
#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "tests/support/dice.hpp"
#include "tests/support/relative.hpp"
#include "workloads/parameters.hpp"

using namespace rehearse;
using testing::Dice;

namespace {

Model gpt(std::int64_t layers, std::int64_t hidden, std::int64_t heads) {
  return {.layers = layers,
          .hidden = hidden,
          .heads = heads,
          .kv_heads = heads,
          .head_dim = hidden / heads,
          .ffn = 4 * hidden,
          .vocab = 51200,
          .seq_len = 2048};
}

Model latent_model() {
  Model m = gpt(4, 512, 16);
  m.head_dim = 48;
  m.latent = {.query_rank = 128, .kv_rank = 64, .rotary = 16, .value_dim = 40};
  m.norm = Norm::rms_norm, m.positions = Positions::rotary, m.activation = Activation::swiglu;
  m.bias = false, m.tied_embeddings = false;
  return m;
}

std::string names_of(const std::vector<ParameterTensor>& tensors) {
  std::string names;
  for (const ParameterTensor& tensor : tensors) names += (names.empty() ? "" : ", ") + tensor.name;
  return names;
}

std::int64_t sum_of(const std::vector<ParameterTensor>& tensors) {
  std::int64_t sum = 0;
  for (const ParameterTensor& tensor : tensors) sum += tensor.elements();
  return sum;
}

/// Sizes that every plan of plan_of divides.
Model random_model(Dice& dice) {
  Model m;
  m.layers = 4 * (1 + dice.below(3));
  m.heads = 8 * (1 + dice.below(4));
  m.head_dim = 8 * (1 + dice.below(8));
  m.kv_heads = dice.one_in(3) ? m.heads : dice.divisor(8);
  m.hidden = 16 * (1 + dice.below(40));
  m.ffn = 16 * (1 + dice.below(100));
  m.vocab = 1 + dice.below(100'000);
  m.seq_len = 16 * (1 + dice.below(100));
  m.activation = dice.of<Activation>({Activation::gelu, Activation::swiglu, Activation::squared_relu});
  m.norm = dice.of<Norm>({Norm::layer_norm, Norm::rms_norm});
  m.positions = dice.of<Positions>({Positions::learned, Positions::rotary});
  m.bias = dice.one_in(2), m.tied_embeddings = dice.one_in(2);
  if (dice.one_in(2))
    m.experts = {.count = 8 * (1 + dice.below(4)),
                 .per_token = 1 + dice.below(8),
                 .ffn = 8 * (1 + dice.below(30)),
                 .shared = dice.below(3),
                 .first_dense = dice.below(3),
                 .every = 1 + dice.below(3)};
  if (dice.one_in(3)) {
    m.kv_heads = m.heads;
    m.latent = {.query_rank = dice.one_in(2) ? 0 : 1 + dice.below(100),
                .kv_rank = 1 + dice.below(100),
                .rotary = dice.below(m.head_dim),
                .value_dim = 1 + dice.below(64)};
  }
  return m;
}

Plan random_plan(Dice& dice) {
  Plan plan;
  plan.tensor = dice.divisor(8), plan.expert = dice.divisor(8);
  plan.pipeline = dice.divisor(4);
  plan.virtual_stages = plan.pipeline < 4 && plan.pipeline > 1 && dice.one_in(2) ? 2 : 1;
  plan.schedule = plan.virtual_stages > 1 ? "interleaved" : "1f1b";
  plan.data = plan.global_batch = 8 * (1 + dice.below(3));
  plan.sequence_parallel = dice.one_in(2);
  return plan;
}

/// The elements that all ranks of tensor x expert hold together, beyond the tensor's own: of what is on every tensor
/// rank, of KV heads that ranks share, of the padding of a vocabulary.
std::int64_t copies_of(const ParameterTensor& tensor, const Model& m, const Plan& plan) {
  const std::int64_t each = tensor.elements();
  switch (tensor.split) {
    case TensorSplit::none: return (plan.tensor - 1) * each;
    case TensorSplit::heads:
      return 2 * std::max<std::int64_t>(0, plan.tensor - m.kv_heads) * m.head_dim * tensor.columns;
    case TensorSplit::vocabulary: return (padded_vocab(m, plan) - m.vocab) * tensor.columns;
    default: return 0;
  }
}

}  // namespace

TEST_CASE("parameters: of a GPT they are 12 l h^2 (1 + 13 / (12 h) + (V + s) / (12 l h))") {
  // Narayanan et al. 2021, equation 2, which leaves out the 2 h of the final norm.
  for (const auto& [layers, hidden, heads] : {std::tuple{24, 2304, 24}, {48, 8192, 64}, {128, 25600, 160}}) {
    const Model m = gpt(layers, hidden, heads);
    const auto l = static_cast<double>(layers), h = static_cast<double>(hidden);
    const double expected = 12 * l * h * h * (1 + 13 / (12 * h) + (51200.0 + 2048.0) / (12 * l * h));
    CHECK(static_cast<double>(m.parameters() - 2 * hidden) == testing::relative(expected, 1e-14));
    CHECK(m.active_parameters() == m.parameters());
  }
}

TEST_CASE("parameters: the tensors of a layer by name, in the order of a forward pass") {
  Model m = gpt(2, 64, 4);
  CHECK(names_of(layer_tensors(m, 0)) ==
        "attention norm weight, attention norm bias, qkv weight, qkv bias, projection weight, projection bias, "
        "mlp norm weight, mlp norm bias, ffn 1 weight, ffn 1 bias, ffn 2 weight, ffn 2 bias");
  CHECK(names_of(embedding_tensors(m)) == "word embedding, position embedding");
  CHECK(names_of(head_tensors(m)) == "final norm weight, final norm bias");
  m = latent_model();
  CHECK(names_of(layer_tensors(m, 0)) ==
        "attention norm weight, query down weight, query norm weight, query up weight, kv down weight, "
        "kv norm weight, kv up weight, projection weight, mlp norm weight, ffn 1 weight, ffn 2 weight");
  m.latent.query_rank = 0;
  m.experts = {.count = 4, .per_token = 2, .ffn = 32, .shared = 1, .first_dense = 1};
  CHECK(names_of(layer_tensors(m, 1)) ==
        "attention norm weight, query weight, kv down weight, kv norm weight, kv up weight, projection weight, "
        "mlp norm weight, router weight, expert ffn 1 weight, expert ffn 2 weight, shared ffn 1 weight, "
        "shared ffn 2 weight");
  CHECK(names_of(embedding_tensors(m)) == "word embedding");
  CHECK(names_of(head_tensors(m)) == "final norm weight, output weight");
  m.bias = true;
  CHECK(names_of(layer_tensors(m, 1))
            .ends_with("expert ffn 1 weight, expert ffn 1 bias, expert ffn 2 weight, expert "
                       "ffn 2 bias, shared ffn 1 weight, shared ffn 1 bias, shared ffn 2 "
                       "weight, shared ffn 2 bias"));
}

TEST_CASE("parameters: of latent attention (DeepSeek-V2, Section 2.1) and of experts, by hand") {
  Model m = latent_model();
  const std::int64_t h = 512, attention = 128 * h + 128 + 16 * 48 * 128 + (64 + 16) * h + 64 +
                                          16 * (48 - 16 + 40) * 64 + h * 16 * 40;
  CHECK(sum_of(layer_tensors(m, 0)) == attention + 3 * h * m.ffn + 2 * h);
  m.experts = {.count = 8, .per_token = 3, .ffn = 100, .shared = 2, .first_dense = 1};
  const std::int64_t router = 8 * h, expert = 3 * h * 100;
  CHECK(sum_of(layer_tensors(m, 1)) == attention + router + (8 + 2) * expert + 2 * h);
  CHECK(m.parameters() - m.active_parameters() == 3 * (8 - 3) * expert);  // three of four layers have experts
}

TEST_CASE("parameters: what tensor and expert ranks hold adds up to the tensor, copies apart") {
  Dice dice(20260);
  for (int round = 0; round < 300; ++round) {
    const Model m = random_model(dice);
    const Plan plan = random_plan(dice);
    CAPTURE(round);
    for (std::int64_t layer = 0; layer < m.layers; ++layer)
      for (const ParameterTensor& tensor : layer_tensors(m, layer)) {
        CAPTURE(tensor.name);
        const std::int64_t ranks = plan.tensor * (tensor.experts > 0 ? plan.expert : 1);
        const std::int64_t together = held_elements(tensor, m, plan) * ranks;
        CHECK(together == tensor.elements() + copies_of(tensor, m, plan));
      }
  }
}

TEST_CASE("parameters: all chunks on all ranks hold the model, and copies besides") {
  Dice dice(6);
  for (int round = 0; round < 200; ++round) {
    const Model m = random_model(dice);
    const Plan plan = random_plan(dice);
    CAPTURE(round);
    HeldParameters held;
    for (std::int64_t chunk = 0; chunk < plan.chunks(); ++chunk) held += chunk_held(m, plan, chunk);
    std::int64_t copies = 0, tensors = 0, replicated = 0, shared_heads = 0;
    const auto count = [&](const std::vector<ParameterTensor>& all) {
      for (const ParameterTensor& tensor : all) {
        copies += copies_of(tensor, m, plan);
        ++tensors;
        if (tensor.split == TensorSplit::none && tensor.experts == 0) replicated += tensor.elements();
        if (tensor.split == TensorSplit::heads && m.kv_heads < plan.tensor)
          shared_heads += 2 * m.head_dim * tensor.columns;
      }
    };
    for (std::int64_t layer = 0; layer < m.layers; ++layer) count(layer_tensors(m, layer));
    count(embedding_tensors(m));
    count(head_tensors(m));
    if (m.tied_embeddings && plan.chunks() > 1) {
      copies += padded_vocab(m, plan) * m.hidden;  // of the last chunk
      ++tensors;
    }
    CHECK(held.dense * plan.tensor + held.expert * plan.tensor * plan.expert == m.parameters() + copies);
    CHECK(held.tensors == tensors);
    CHECK(held.dealt_out == 0);
    CHECK(held.all() == held.dense + held.expert);
    CHECK(held.replicated == (plan.sequence_parallel && plan.tensor > 1 ? replicated : 0));
    CHECK(held.shared_heads == shared_heads);
  }
}

TEST_CASE("parameters: the layers of a sequence are whole on every rank but for those that are dealt out") {
  Model m;
  m.sequence = {{.name = "tables", .parameters = 1001, .tensors = 26, .dealt_out = true},
                {.name = "dense", .parameters = 30, .tensors = 2},
                {.name = "dots"}};
  m.layers = 3, m.seq_len = 1;
  Plan plan;
  plan.data = 4;
  CHECK(m.parameters() == 1031);
  CHECK(m.active_parameters() == 1031);
  CHECK(embedding_tensors(m).empty());
  CHECK(head_tensors(m).empty());
  const HeldParameters held = chunk_held(m, plan, 0);
  CHECK(held.dealt_out == 251);  // 1001 over four ranks, rounded up
  CHECK(held.dense == 30);
  CHECK(held.expert == 0);
  CHECK(held.tensors == 28);
}

TEST_CASE("parameters: the vocabulary is padded to a multiple of 128 times the tensor ranks (Megatron-LM)") {
  Model m = gpt(2, 64, 4);
  Plan plan;
  plan.tensor = 8;
  CHECK(padded_vocab(m, plan) == 51200);
  m.vocab = 50257;
  CHECK(padded_vocab(m, plan) == 51200);
  plan.tensor = 1;
  CHECK(padded_vocab(m, plan) == 50304);
}

TEST_CASE("model FLOPs: dense ones as in Narayanan et al. 2021, Section 5.1, without recomputation") {
  for (const auto& [layers, hidden, heads] : {std::tuple{24, 2304, 24}, {48, 8192, 64}, {96, 16384, 128}}) {
    const Model m = gpt(layers, hidden, heads);
    const double B = 64, s = 2048, l = layers, h = hidden, V = 51200;
    CHECK(model_flops(m, 64).value() ==
          testing::relative(72 * B * s * l * h * h * (1 + s / (6 * h) + V / (12 * l * h)), 1e-14));
  }
}

TEST_CASE("model FLOPs: experts that a token goes to, and latent attention, by hand") {
  Model m = latent_model();
  m.experts = {.count = 8, .per_token = 3, .ffn = 100, .shared = 2, .first_dense = 1};
  const double h = 512, s = 2048, V = 51200;
  const double attention = 128 * h + 16 * 48 * 128.0 + (64 + 16) * h + 16 * (48 - 16 + 40) * 64.0 + h * 16 * 40 +
                           s * 16 * (48 + 40);  // products with weights, scores, context
  const double dense = 3 * h * 2048, sparse = 8 * h + (3 + 2) * 3 * h * 100;
  CHECK(model_flops(m, 5).value() ==
        testing::relative(6 * 5 * s * (4 * attention + dense + 3 * sparse + h * V), 1e-14));
}
