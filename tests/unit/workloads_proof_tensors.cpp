// Parameters and samples made from a seed: a part is a part of the whole, and nothing is like anything else.
#include <cmath>
#include <set>

#include <doctest/doctest.h>

#include "tests/support/relative.hpp"
#include "tests/support/tiny_models.hpp"
#include "workloads/parameters.hpp"
#include "workloads/proof/tensors.hpp"

using namespace rehearse;
using namespace rehearse::testing;

TEST_CASE("proof tensors: a window is a part of the whole") {
  const TensorKey key{2, "expert ffn 1 weight", 1};
  const Matrix whole = initial_values(key, 7, {.rows = 12, .columns = 7}, 1);
  for (const MatrixWindow& window :
       {MatrixWindow{0, 0, 12, 7}, {3, 0, 4, 7}, {0, 5, 12, 2}, {11, 6, 1, 1}, {4, 2, 0, 3}})
    CHECK(initial_values(key, 7, window, 1) == whole.block(window.row, window.column, window.rows, window.columns));
}

TEST_CASE("proof tensors: every layer, name, expert and seed has numbers of its own") {
  const auto first = [](const TensorKey& key, std::uint64_t seed) {
    return initial_values(key, 4, {.rows = 1, .columns = 1}, seed)(0, 0);
  };
  const std::set<double> all{first({0, "ffn 1 weight"}, 1),    first({1, "ffn 1 weight"}, 1),
                             first({0, "ffn 2 weight"}, 1),    first({0, "ffn 1 weight", 0}, 1),
                             first({0, "ffn 1 weight", 1}, 1), first({0, "ffn 1 weight"}, 2)};
  CHECK(all.size() == 6);
}

TEST_CASE("proof tensors: weights keep the variance of what they multiply, norms are about 1") {
  const MatrixWindow square{.rows = 200, .columns = 200};
  const Matrix weight = initial_values({0, "qkv weight"}, 200, square, 1);
  CHECK(weight.squaredNorm() / 200 == relative(1, 0.02));
  CHECK(std::abs(weight.mean()) < 0.002);
  const Matrix norm = initial_values({0, "mlp norm weight"}, 1, square, 1);
  CHECK(norm.mean() == relative(1, 0.01));
  CHECK(norm.minCoeff() >= 0.75);
  CHECK(initial_values({0, "mlp norm bias"}, 1, square, 1).cwiseAbs().maxCoeff() <= 0.25);
}

TEST_CASE("proof tensors: a model's set has as many numbers as its tensors") {
  for (const Model& model : tiny_models()) {
    CAPTURE(model.name);
    std::int64_t expected = 0, found = 0;
    const auto count = [&](const std::vector<ParameterTensor>& list) {
      for (const ParameterTensor& tensor : list) expected += tensor.elements();
    };
    count(embedding_tensors(model));
    for (std::int64_t layer = 0; layer < model.layers; ++layer) count(layer_tensors(model, layer));
    count(head_tensors(model));
    for (const auto& [key, values] : initial_parameters(model, 1)) found += values.size();
    CHECK(found == expected);
  }
}

TEST_CASE("proof tensors: a sample is the same in every batch, and each token's target is the next") {
  const Model model = tiny_gpt();
  const Batch few = synthetic_batch(model, 2, 1), many = synthetic_batch(model, 5, 1);
  CHECK(few[1].tokens == many[1].tokens);
  CHECK(few[0].tokens != few[1].tokens);
  CHECK(synthetic_sample(model, 1, 2).tokens != few[1].tokens);
  for (const Sample& sample : many) {
    REQUIRE(std::ssize(sample.tokens) == model.seq_len);
    REQUIRE(std::ssize(sample.targets) == model.seq_len);
    for (std::size_t i = 1; i < sample.tokens.size(); ++i) CHECK(sample.targets[i - 1] == sample.tokens[i]);
    for (const std::int64_t target : sample.targets) CHECK((target >= 0 && target < model.vocab));
  }
}
