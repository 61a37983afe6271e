// The unsharded reference: its gradients against finite differences for models of every kind, its loss against
// what must hold of any.
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/support/finite_differences.hpp"
#include "tests/support/relative.hpp"
#include "tests/support/tiny_models.hpp"
#include "workloads/proof/blocks.hpp"
#include "workloads/proof/reference.hpp"

using namespace rehearse;
using namespace rehearse::testing;

namespace {

constexpr std::uint64_t seed = 6;
constexpr double difference_tolerance = 1e-7;
/// Of sums in another order.
constexpr double rounding = 1e-13;

/// The tensors whose gradient is not the slope of the loss.
std::vector<std::string> wrong_gradients(const Model& model, ParameterSet parameters, const Batch& batch,
                                         const ParameterSet& gradients) {
  std::vector<std::string> wrong;
  for (auto& [key, values] : parameters) {
    const Matrix kept = values;
    Matrix& moved = values;
    const auto loss = [&](const Matrix& x) {
      moved = x;
      return reference_loss(model, parameters, batch);
    };
    if (!(gradient_error(kept, gradients.at(key), loss) < difference_tolerance)) wrong.push_back(to_string(key));
    moved = kept;
  }
  return wrong;
}

void check_gradients(const Model& model) {
  CAPTURE(model.name);
  const ParameterSet parameters = initial_parameters(model, seed);
  const Batch batch = synthetic_batch(model, 2, seed);
  const ReferenceRun run = run_reference(model, parameters, batch);
  CHECK(run.loss == reference_loss(model, parameters, batch));
  CHECK(run.gradients.size() == parameters.size());
  CHECK(wrong_gradients(model, parameters, batch, run.gradients) == std::vector<std::string>{});
}

}  // namespace

TEST_CASE("reference: gradients are the slopes of the loss, for every option of a model") {
  for (const Model& model : tiny_models()) check_gradients(model);
}

TEST_CASE("reference: gradients are the slopes of the loss, for options in any mixture") {
  for (std::uint64_t draw = 0; draw < 24; ++draw) check_gradients(drawn_model(draw));
}

TEST_CASE("reference: a gradient with one wrong element is found, and no other") {
  const Model model = with_experts(tiny_llama(), {.count = 3, .per_token = 2, .ffn = 4});
  const ParameterSet parameters = initial_parameters(model, seed);
  const Batch batch = synthetic_batch(model, 2, seed);
  ParameterSet gradients = run_reference(model, parameters, batch).gradients;
  Matrix& one = gradients.at({1, "expert ffn 2 weight", 2});
  one(0, 1) += 1e-4 * one.norm();
  CHECK(wrong_gradients(model, parameters, batch, gradients) ==
        std::vector<std::string>{"layer 1, expert 2: expert ffn 2 weight"});
}

TEST_CASE("reference: logits of zero cost the logarithm of the vocabulary") {
  Model model = tiny_llama();
  ParameterSet parameters = initial_parameters(model, seed);
  parameters.at({outside_layers, "output weight"}).setZero();
  const double expected = std::log(static_cast<double>(model.vocab));
  CHECK(reference_loss(model, parameters, synthetic_batch(model, 3, seed)) == relative(expected, rounding));
}

TEST_CASE("reference: layers that add nothing hand on the embedding") {
  for (const bool tied : {true, false}) {
    Model model = tiny_gpt();
    model.tied_embeddings = tied;
    ParameterSet parameters = initial_parameters(model, seed);
    for (auto& [key, values] : parameters)
      if (key.name.starts_with("projection ") || key.name.starts_with("ffn 2 ")) values.setZero();
    const Matrix &words = parameters.at({outside_layers, "word embedding"}),
                 &positions = parameters.at({outside_layers, "position embedding"}),
                 &output = tied ? words : parameters.at({outside_layers, "output weight"});
    const Sample sample = synthetic_sample(model, 0, seed);
    double loss = 0;
    for (std::int64_t i = 0; i < model.seq_len; ++i) {
      const auto at = static_cast<std::size_t>(i);
      const Matrix x = words.row(sample.tokens[at]) + positions.row(i);
      const Matrix logits = norm_forward(model.norm, x, parameters.at({outside_layers, "final norm weight"}),
                                         &parameters.at({outside_layers, "final norm bias"})) *
                            output.transpose();
      loss += std::log(logits.array().exp().sum()) - logits(0, sample.targets[at]);
    }
    CHECK(reference_loss(model, parameters, {sample}) == relative(loss / static_cast<double>(model.seq_len), rounding));
  }
}

TEST_CASE("reference: a batch is the mean of its samples") {
  const Model model = tiny_gpt();
  const ParameterSet parameters = initial_parameters(model, seed);
  const Batch both = synthetic_batch(model, 2, seed);
  const ReferenceRun whole = run_reference(model, parameters, both);
  const ReferenceRun first = run_reference(model, parameters, {both[0]});
  const ReferenceRun second = run_reference(model, parameters, {both[1]});
  CHECK(first.loss != second.loss);
  CHECK(whole.loss == relative((first.loss + second.loss) / 2, rounding));
  for (const auto& [key, gradient] : whole.gradients) {
    const Matrix mean = (first.gradients.at(key) + second.gradients.at(key)) / 2;
    CHECK((gradient - mean).norm() <= rounding * gradient.norm());
  }
}

// Of the last token, exp(-loss) over all targets is a sum of probabilities: what is left is the loss of those before.
TEST_CASE("reference: probabilities add up to 1, and what comes later in a sample changes nothing before it") {
  for (const Model& model : tiny_models()) {
    CAPTURE(model.name);
    const ParameterSet parameters = initial_parameters(model, seed);
    Sample sample = synthetic_sample(model, 0, seed), shorter = sample;
    shorter.tokens.pop_back();
    shorter.targets.pop_back();
    const auto sum = [&](const Sample& s) {
      return reference_loss(model, parameters, {s}) * static_cast<double>(s.tokens.size());
    };
    double likelihood = 0;
    for (sample.targets.back() = 0; sample.targets.back() < model.vocab; ++sample.targets.back())
      likelihood += std::exp(-sum(sample));
    CHECK(-std::log(likelihood) == relative(sum(shorter), rounding));
  }
}

TEST_CASE("reference: names that are missing, or that a model has no use for, are said") {
  const Model model = tiny_gpt();
  const Batch batch = synthetic_batch(model, 1, seed);
  ParameterSet parameters = initial_parameters(model, seed);
  parameters[{1, "qvk bias"}] = Matrix::Zero(1, 1);
  CHECK_THROWS_WITH_AS(run_reference(model, parameters, batch), "the model has no use for 'layer 1: qvk bias'",
                       std::logic_error);
  parameters.erase({1, "qkv weight"});
  CHECK_THROWS_WITH_AS(run_reference(model, parameters, batch), "no parameter tensor 'layer 1: qkv weight'",
                       std::logic_error);
}
