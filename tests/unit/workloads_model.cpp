// Reading a transformer with experts and latent attention: what a mapping becomes, and each key wrong in turn.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/support/faults.hpp"
#include "workloads/model.hpp"

using namespace rehearse;

namespace {

const std::string good = R"(name: small
layers: 8
hidden: 512
heads: 8
head_dim: 96
vocab: 1000
seq_len: 128
experts:
  count: 16
  per_token: 4
  ffn: 256
  shared: 1
  first_dense: 1
  every: 2
  capacity_factor: 1.25
latent:
  query_rank: 192
  kv_rank: 64
  rotary: 32
  value_dim: 48
)";

Model read(const std::string& text) {
  Reader reader(parse_yaml(text, "model.yaml"), "model");
  Model model = read_model(reader);
  reader.finish();
  return model;
}

std::string faults(const std::string& text) {
  return testing::faults_of([&] { read(text); });
}

std::string with(const std::string& piece, const std::string& replacement) {
  std::string text = good;
  const auto at = text.find(piece);
  REQUIRE(at != std::string::npos);
  return text.replace(at, piece.size(), replacement);
}

}  // namespace

TEST_CASE("model: experts and latent attention are read, and the rest has defaults") {
  const Model m = read(good);
  CHECK(m.kind == "transformer");
  CHECK(m.is_transformer());
  CHECK(m.experts.count == 16);
  CHECK(m.experts.per_token == 4);
  CHECK(m.experts.capacity_factor == doctest::Approx(1.25));
  CHECK(m.ffn == 2048);
  CHECK(m.is_latent());
  CHECK(m.value_dim() == 48);
  std::string layers;
  for (std::int64_t layer = 0; layer < m.layers; ++layer) layers += m.has_experts(layer) ? 'e' : '-';
  CHECK(layers == "-e-e-e-e");

  const Model plain = read("{layers: 2, hidden: 64, heads: 4, vocab: 100, seq_len: 8, experts: {count: 4}}");
  CHECK(plain.experts.ffn == 256);
  CHECK(plain.experts.per_token == 1);
  CHECK(plain.has_experts(0));
  CHECK_FALSE(plain.is_latent());
  CHECK(plain.value_dim() == 16);
  CHECK(read("{layers: 2, hidden: 64, heads: 4, vocab: 100, seq_len: 8, experts: null, latent: null}").experts.count ==
        0);
}

TEST_CASE("model: faults of experts and latent attention have file, line and key path") {
  struct Wrong {
    std::string piece, replacement, fault;
  };
  const std::vector<Wrong> wrongs = {
      {"  count: 16\n", "", "model.yaml:8: experts.count: missing; expected a whole number"},
      {"count: 16", "count: 0", "model.yaml:9: experts.count: expected at least 1, found 0"},
      {"count: 16", "count: 100000", "model.yaml:9: experts.count: expected at most 65536, found 100000"},
      {"per_token: 4", "per_token: 17", "model.yaml:10: experts.per_token: a token goes to 17 of 16 experts"},
      {"per_token: 4", "per_tokn: 4", "model.yaml:10: experts.per_tokn: unknown key; did you mean 'per_token'?"},
      {"ffn: 256", "ffn: wide", "model.yaml:11: experts.ffn: expected a whole number"},
      {"shared: 1", "shared: -1", "model.yaml:12: experts.shared: expected at least 0, found -1"},
      {"first_dense: 1", "first_dense: 8", "model.yaml:13: experts.first_dense: none of 8 layers is left for experts"},
      {"every: 2", "every: 0", "model.yaml:14: experts.every: expected at least 1, found 0"},
      {"capacity_factor: 1.25", "capacity_factor: -1", "model.yaml:15: experts.capacity_factor: expected zero"},
      {"capacity_factor: 1.25", "capacity_factor: 17", "model.yaml:15: experts.capacity_factor: expected at most 16"},
      {"query_rank: 192", "query_rank: -1", "model.yaml:17: latent.query_rank: expected at least 0, found -1"},
      {"  kv_rank: 64\n", "", "model.yaml:16: latent.kv_rank: missing; expected a whole number"},
      {"kv_rank: 64", "kv_rank: 0", "model.yaml:18: latent.kv_rank: expected at least 1, found 0"},
      {"rotary: 32", "rotary: 96", "model.yaml:19: latent.rotary: 96 of a head's 96 carry the position; expected less"},
      {"value_dim: 48", "value_dim: 0", "model.yaml:20: latent.value_dim: expected at least 1, found 0"},
      {"heads: 8\n", "heads: 8\nkv_heads: 2\n", "model.yaml:5: kv_heads: with latent attention every head has"},
      {"name: small", "kind: transfomer",
       "model.yaml:1: kind: unknown kind of model 'transfomer'; did you mean 'transformer'?"},
      {"layers: 8", "layers: 10001", "model.yaml:2: layers: expected at most 10000, found 10001"},
  };
  CHECK(faults(good).empty());
  for (const Wrong& wrong : wrongs) {
    CAPTURE(wrong.replacement);
    const std::string said = faults(with(wrong.piece, wrong.replacement));
    CAPTURE(said);
    CHECK(said.starts_with(wrong.fault));
    CHECK(said.find('\n') == std::string::npos);
  }
}

TEST_CASE("model: more parameters than can be counted are a fault, experts included") {
  const std::string wide = "{layers: 10000, hidden: 1048576, heads: 1024, vocab: 1000, seq_len: 8, ffn: 8192";
  CHECK(faults(wide + ", head_dim: 1}").empty());
  CHECK(testing::contains(faults(wide + ", head_dim: 1, experts: {count: 64}}"), "parameters; expected at most 1e+15"));
}
