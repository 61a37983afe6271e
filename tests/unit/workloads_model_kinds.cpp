// Models that are no transformers: parameters and FLOPs against closed forms, and each key wrong in turn.
#include <doctest/doctest.h>

#include <numeric>
#include <string>
#include <variant>
#include <vector>

#include "tests/support/faults.hpp"
#include "tests/support/relative.hpp"
#include "workloads/model.hpp"

using namespace rehearse;

namespace {

Model read(const std::string& text) {
  Reader reader(parse_yaml(text, "model.yaml"), "model");
  Model model = read_model(reader);
  reader.finish();
  return model;
}

std::string faults(const std::string& text) {
  return testing::faults_of([&] { read(text); });
}

double real(std::int64_t x) { return static_cast<double>(x); }

double flops_of(const LayerKernel& kernel) {
  return std::visit([](const auto& work) { return Kernel{.work = work}.flops().value(); }, kernel.work);
}

double sum_of(const std::vector<LayerKernel>& kernels) {
  return std::accumulate(kernels.begin(), kernels.end(), 0.0,
                         [](double sum, const LayerKernel& kernel) { return sum + flops_of(kernel); });
}

double forward_flops(const Model& model) {
  double sum = 0;
  for (const LayerWork& layer : model.sequence) sum += sum_of(layer.forward);
  return sum;
}

void check_faults(const std::vector<std::pair<std::string, std::string>>& wrongs) {
  for (const auto& wrong : wrongs) {
    CAPTURE(wrong.first);
    const std::string said = faults(wrong.first);
    CAPTURE(said);
    CHECK(said.starts_with("model.yaml:1: " + wrong.second));
    CHECK(said.find('\n') == std::string::npos);
  }
}

}  // namespace

TEST_CASE("model kinds: each row has a name and a description, and a sample is a token of what is no transformer") {
  const std::vector<std::string> smallest = {
      "{kind: custom, layers: [{flops: 1 GFLOP}]}",
      "{kind: dlrm, dense_features: 4, bottom: [8], tables: 2, rows: 10, dim: 8, top: [1]}",
      "{kind: mlp, widths: [4, 2]}",
      "{kind: resnet, depth: 18}",
      "{kind: transformer, layers: 1, hidden: 8, heads: 1, vocab: 10, seq_len: 4}",
  };
  REQUIRE(smallest.size() == model_kind_table().names().size());
  std::size_t i = 0;
  for (const ModelKindRow& row : model_kind_table()) {
    CAPTURE(row.name);
    CHECK_FALSE(row.description.empty());
    const Model model = read(smallest[i++]);
    CHECK(model.kind == row.name);
    CHECK(model.is_transformer() == (row.name == "transformer"));
    if (model.is_transformer()) continue;
    CHECK(model.seq_len == 1);
    CHECK(model.layers == std::ssize(model.sequence));
    for (const LayerWork& layer : model.sequence) {
      CAPTURE(layer.name);
      CHECK_FALSE(layer.forward.empty());
      CHECK_FALSE(layer.backward.empty());
      CHECK((layer.parameters > 0) == (layer.tensors > 0));
    }
  }
}

TEST_CASE("model kinds: an MLP has a b + b parameters a layer and six FLOPs a weight, four in its first layer") {
  for (const std::vector<std::int64_t>& widths :
       {std::vector<std::int64_t>{3, 2}, {784, 4096, 4096, 10}, {1, 1, 1}, {841, 2500, 2000, 1500, 1000, 500, 10}}) {
    std::string list;
    for (const std::int64_t width : widths) list += (list.empty() ? "" : ", ") + std::to_string(width);
    for (const bool bias : {false, true}) {
      const Model model =
          read("{kind: mlp, widths: [" + list + "], activation: gelu, bias: " + (bias ? "true}" : "false}"));
      std::int64_t weights = 0, biases = 0;
      for (std::size_t i = 0; i + 1 < widths.size(); ++i) weights += widths[i] * widths[i + 1], biases += widths[i + 1];
      CHECK(model.parameters() == weights + (bias ? biases : 0));
      CHECK(forward_flops(model) == 2 * real(weights));
      CHECK(model_flops(model, 7).value() == 7 * (6 * real(weights) - 2 * real(widths[0] * widths[1])));
      for (std::size_t i = 0; i < model.sequence.size(); ++i) {
        CHECK(model.sequence[i].output == widths[i + 1]);
        CHECK(model.sequence[i].tensors == (bias ? 2 : 1));
        // With GELU what goes in and what comes out of the product, 2 bytes each; the logits for the loss.
        CHECK(model.sequence[i].kept_bytes == 2 * (widths[i] + widths[i + 1]));
      }
    }
  }
}

TEST_CASE("model kinds: gradients of weights sum over samples, so that k of theirs is what a micro batch multiplies") {
  for (const char* text : {"{kind: mlp, widths: [16, 8, 4]}", "{kind: resnet, depth: 50}",
                           "{kind: dlrm, dense_features: 4, bottom: [8], tables: 2, rows: 10, dim: 8, top: [4, 1]}"})
    for (const LayerWork& layer : read(text).sequence) {
      CAPTURE(layer.name);
      for (const LayerKernel& kernel : layer.forward) CHECK_FALSE(kernel.of_weight);
      for (const LayerKernel& kernel : layer.backward)
        if (const auto* gemm = std::get_if<Gemm>(&kernel.work)) {
          CAPTURE(kernel.name);
          CHECK((gemm->layout == Layout::nt) == kernel.of_weight);
        }
    }
}

TEST_CASE("model kinds: ResNets have the published parameters and multiplications") {
  // He et al. 2015 as published implementations have them, with the stride in the 3 x 3 convolutions: parameters
  // exactly; multiply-adds of one image of 224 x 224 to four digits.
  struct Row {
    int depth;
    std::int64_t parameters;
    double multiplications;
  };
  for (const Row& row : {Row{18, 11'689'512, 1.814e9},
                         {34, 21'797'672, 3.664e9},
                         {50, 25'557'032, 4.089e9},
                         {101, 44'549'160, 7.801e9},
                         {152, 60'192'808, 11.514e9}}) {
    CAPTURE(row.depth);
    const Model model = read("{kind: resnet, depth: " + std::to_string(row.depth) + "}");
    CHECK(model.parameters() == row.parameters);
    CHECK(forward_flops(model) == testing::relative(2 * row.multiplications, 1e-3));
    // Backward twice as many, but for the gradient of the image: 7 x 7 x 3 x 64 multiplications for 112 x 112 pixels.
    const double image = 2.0 * 49 * 3 * 64 * 112 * 112;
    CHECK(model_flops(model, 256).value() == testing::relative(256 * (3 * forward_flops(model) - image), 1e-12));
  }
}

TEST_CASE("model kinds: a ResNet's layers are its stem, blocks and head, and what they hand on") {
  const Model model = read("{kind: resnet, depth: 50}");
  REQUIRE(model.layers == 1 + 3 + 4 + 6 + 3 + 1);
  CHECK(model.sequence[0].output == 64 * 56 * 56);
  CHECK(model.sequence[1].output == 256 * 56 * 56);
  CHECK(model.sequence[4].output == 512 * 28 * 28);
  CHECK(model.sequence[8].output == 1024 * 14 * 14);
  CHECK(model.sequence[16].output == 2048 * 7 * 7);
  CHECK(model.sequence[17].output == 1000);
  // Four convolutions with a weight, a scale and a shift each; three in a block without a shortcut of its own.
  CHECK(model.sequence[1].tensors == 12);
  CHECK(model.sequence[2].tensors == 9);
  // A block of the last stage, by hand: its input, and of both inner convolutions output and ReLU, then the last
  // output.
  CHECK(model.sequence[16].kept_bytes == 2 * 49 * (2048 + 2 * 2 * 512 + 2048));
  // Sizes that do not halve round up; one pixel is enough.
  CHECK(read("{kind: resnet, depth: 18, image: 225}").sequence[0].output == 64 * 57 * 57);
  CHECK(read("{kind: resnet, depth: 18, image: 1}").parameters() == 11'689'512);
}

TEST_CASE("model kinds: a DLRM has its tables, two MLPs and the dot products of all pairs") {
  const Model model = read(
      "{kind: dlrm, dense_features: 13, bottom: [512, 256, 64], tables: 4, rows: [10, 200, 3000, 40000], dim: 64, "
      "lookups: [1, 2, 3, 4], top: [128, 1]}");
  const std::int64_t bottom = 13 * 512 + 512 + 512 * 256 + 256 + 256 * 64 + 64;
  const std::int64_t pairs = 64 + 5 * 4 / 2, top = pairs * 128 + 128 + 128 * 1 + 1;
  CHECK(model.parameters() == (10 + 200 + 3000 + 40000) * 64 + bottom + top);
  const double weights = 13 * 512 + 512 * 256 + 256 * 64 + real(pairs) * 128 + 128, dots = 2.0 * 5 * 5 * 64;
  CHECK(forward_flops(model) == 2 * weights + dots);
  CHECK(model_flops(model, 3).value() == 3 * (6 * weights - 2.0 * 13 * 512 + 3 * dots));

  const LayerWork& tables = model.sequence[0];
  CHECK(tables.dealt_out);
  CHECK(tables.tensors == 4);
  CHECK(tables.output == 4 * 64);  // what the all_to_all brings
  CHECK(std::get<Stream>(tables.forward.at(0).work).bytes == Bytes(2 * 64 * (1 + 2 + 3 + 4 + 4)));
  CHECK(tables.backward.at(0).of_weight);
  for (std::size_t i = 1; i < model.sequence.size(); ++i) CHECK_FALSE(model.sequence[i].dealt_out);
  CHECK(model.sequence[3].output == 5 * 64);
  CHECK(model.sequence[4].output == pairs);
  CHECK(model.sequence.back().output == 1);
}

TEST_CASE("model kinds: custom layers, their defaults, and gradients in two parts where there are parameters") {
  const Model model = read(
      "{kind: custom, layers: [{name: conv, flops: 2 GFLOP, bytes: 31 B, parameters: 1000, output: 50, repeat: 3}, "
      "{bytes: 8 kB, backward_bytes: 10 kB, kept: 1 kB}]}");
  REQUIRE(model.layers == 4);
  CHECK(model.parameters() == 3000);
  CHECK(model.active_parameters() == 3000);
  CHECK(model_flops(model, 5).value() == 5 * 3 * 6e9);
  const LayerWork& conv = model.sequence[2];
  CHECK(conv.name == "conv");
  CHECK(conv.kept_bytes == 100);
  REQUIRE(conv.backward.size() == 2);
  CHECK(std::get<Roofline>(conv.backward[0].work) == Roofline{Flops(2e9), Bytes(31)});
  CHECK(std::get<Roofline>(conv.backward[1].work) == Roofline{Flops(2e9), Bytes(31)});
  CHECK_FALSE(conv.backward[0].of_weight);
  CHECK(conv.backward[1].of_weight);
  const LayerWork& last = model.sequence[3];
  CHECK(last.name == "layer 1");
  CHECK(last.tensors == 0);
  CHECK(last.kept_bytes == 1000);
  REQUIRE(last.backward.size() == 1);
  CHECK(std::get<Roofline>(last.backward[0].work) == Roofline{Flops(0), Bytes(10'000)});
}

TEST_CASE("model kinds: faults of an MLP and a ResNet") {
  check_faults({
      {"{kind: mlp}", "widths: missing"},
      {"{kind: mlp, widths: [4]}", "widths: expected at least 2 widths, found 1"},
      {"{kind: mlp, widths: 4}", "widths: expected a list, found '4'"},
      {"{kind: mlp, widths: [4, 0]}", "widths.1: expected a whole number from 1 to 1048576, found 0"},
      {"{kind: mlp, widths: [4, 2000000]}", "widths.1: expected a whole number from 1 to 1048576, found 2000000"},
      {"{kind: mlp, widths: [4, wide]}", "widths.1: expected a whole number"},
      {"{kind: mlp, widths: [4, 2], activation: rule}", "activation: unknown activation 'rule'; did you mean 'relu'?"},
      {"{kind: mlp, widths: [4, 2], bias: 1}", "bias: expected true or false"},
      {"{kind: mlp, widths: [4, 2], layers: 3}", "layers: unknown key"},
      {"{kind: resnet, depth: 42}", "depth: expected one of: 18, 34, 50, 101, 152, found 42"},
      {"{kind: resnet, image: 0}", "image: expected at least 1, found 0"},
      {"{kind: resnet, image: 10000}", "image: expected at most 8192, found 10000"},
      {"{kind: resnet, classes: 0}", "classes: expected at least 1, found 0"},
      {"{kind: renset}", "kind: unknown kind of model 'renset'; did you mean 'resnet'?"},
  });
}

TEST_CASE("model kinds: faults of a DLRM and of custom layers") {
  const std::string dlrm = "{kind: dlrm, dense_features: 4, bottom: [16, 8], dim: 8, top: [4, 1], ";
  check_faults({
      {dlrm + "rows: 10}", "tables: missing"},
      {dlrm + "tables: 2}", "rows: missing; expected a whole number, or a list with one for each table"},
      {dlrm + "tables: 2, rows: [1, 2, 3]}", "rows: expected 2 values, one for each of the tables, found 3"},
      {dlrm + "tables: 2, rows: [1, 0]}", "rows.1: expected more than zero, found '0'"},
      {dlrm + "tables: 2, rows: 2000000000000}", "rows: expected at most 1099511627776, found 2000000000000"},
      {dlrm + "tables: 2, rows: 10, lookups: [1]}", "lookups: expected 2 values, one for each of the tables, found 1"},
      {dlrm + "tables: 1000, rows: 1000000000000}", "rows: tables of 8e+15 parameters; expected at most 1e+15"},
      {dlrm + "tables: 100000, rows: 1}", "tables: expected at most 16384, found 100000"},
      {"{kind: dlrm, dense_features: 4, bottom: [16], dim: 8, top: [1], tables: 1, rows: 1}",
       "bottom: expected 8 as the last width, that of an embedding (dim), found 16"},
      {"{kind: dlrm, bottom: [8], dim: 8, top: [1], tables: 1, rows: 1}", "dense_features: missing"},
      {"{kind: custom}", "layers: missing"},
      {"{kind: custom, layers: 3}", "layers: expected a list, found '3'"},
      {"{kind: custom, layers: []}", "layers: expected at least one layer"},
      {"{kind: custom, layers: [{parameters: 4}]}", "layers.0: expected `flops`, `bytes` or both"},
      {"{kind: custom, layers: [{flops: 4}]}", "layers.0.flops: missing unit: expected e.g. '2.5 TFLOP'"},
      {"{kind: custom, layers: [{flops: -4 FLOP}]}", "layers.0.flops: expected from zero to 1e+18"},
      {"{kind: custom, layers: [{bytes: 4 EB}]}", "layers.0.bytes: expected from zero to 1e+18"},
      {"{kind: custom, layers: [{flops: 1 FLOP, repeat: 0}]}", "layers.0.repeat: expected at least 1, found 0"},
      {"{kind: custom, layers: [{flops: 1 FLOP, parameter: 2}]}", "layers.0.parameter: unknown key; did you mean"},
      {"{kind: custom, layers: [{flops: 1 FLOP, repeat: 9999}, {flops: 1 FLOP, repeat: 2}]}",
       "layers: more than 10000 layers"},
  });
}
