// Memory against Korthikanti et al. 2022 (arXiv 2205.05198): its equations exactly, its Figure 1 within 1 %.
#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <sstream>

#include "workloads/memory.hpp"
#include "workloads/pipeline/schedule.hpp"

using namespace rehearse;

namespace {

constexpr double gib = 1024.0 * 1024.0 * 1024.0;

/// The paper's models and plans; Figure 1 shows the first pipeline stage.
struct Case {
  std::string name;
  std::int64_t layers, hidden, heads, pipeline, virtual_stages, micro_batch;
};
const std::vector<Case> cases{{"22B", 48, 6144, 64, 1, 1, 4},
                              {"175B", 96, 12288, 96, 8, 3, 1},
                              {"530B", 105, 20480, 128, 35, 3, 1},
                              {"1T", 128, 25600, 160, 64, 1, 1}};

Model model_of(const Case& c) {
  return {.layers = c.layers,
          .hidden = c.hidden,
          .heads = c.heads,
          .kv_heads = c.heads,
          .head_dim = c.hidden / c.heads,
          .ffn = 4 * c.hidden,
          .vocab = 51200,
          .seq_len = 2048};
}

Plan plan_of(const Case& c, Recompute recompute, bool sequence_parallel) {
  Plan plan;
  plan.tensor = 8, plan.pipeline = c.pipeline, plan.virtual_stages = c.virtual_stages;
  plan.schedule = c.virtual_stages > 1 ? "interleaved" : "1f1b";
  plan.micro_batch = c.micro_batch, plan.global_batch = 8 * c.pipeline * c.micro_batch;
  plan.recompute = recompute, plan.sequence_parallel = sequence_parallel;
  return plan;
}

double value(Bytes bytes) { return static_cast<double>(bytes.value()); }
bool close(double a, double b, double tolerance) { return std::abs(a - b) <= tolerance * std::abs(b); }

struct Row {
  double parameters, none, selective;  ///< GiB
};
Row figure_1(const std::string& name) {
  std::ifstream in(REHEARSE_TEST_DIR "/validation/korthikanti2022_fig1_memory_gib.csv");
  for (std::string line; std::getline(in, line);) {
    std::vector<std::string> fields;
    std::istringstream split(line);
    for (std::string field; std::getline(split, field, ',');) fields.push_back(field);
    if (fields.at(0) == name) return {std::stod(fields.at(1)), std::stod(fields.at(3)), std::stod(fields.at(5))};
  }
  FAIL("no row of Figure 1 for ", name);
  return {};
}

/// Model chunks that the first stage keeps at most, each of one micro batch.
double chunks_kept(const Plan& plan) {
  int now = 0, most = 0;
  for (const Pass& pass : pipeline_table().find(plan.schedule)->order(plan, 0))
    most = std::max(most, now += pass.phase == Phase::forward ? 1 : -1);
  return most;
}

}  // namespace

TEST_CASE("memory: activations of a layer are equations 1 to 4 and Section 5") {
  for (const Case& c : cases)
    for (std::int64_t t : {1, 2, 4, 8}) {
      const Model model = model_of(c);
      const double s = 2048, b = static_cast<double>(c.micro_batch), h = static_cast<double>(c.hidden),
                   a = static_cast<double>(c.heads), T = static_cast<double>(t);
      const auto bytes = [&](Recompute recompute, bool sequence_parallel) {
        Plan plan = plan_of(c, recompute, sequence_parallel);
        plan.tensor = t;
        return value(layer_activations(model, plan));
      };
      CAPTURE(c.name);
      CAPTURE(t);
      CHECK(bytes(Recompute::none, false) == s * b * (10 * h + (24 * h + 5 * a * s) / T));  // equation 2
      CHECK(bytes(Recompute::none, true) == s * b / T * (34 * h + 5 * a * s));              // equation 4
      CHECK(bytes(Recompute::selective, false) == s * b * h * (10 + 24 / T));               // Section 5
      CHECK(bytes(Recompute::selective, true) == s * b * h / T * 34);
      CHECK(bytes(Recompute::full, false) == 2 * s * b * h);
      CHECK(bytes(Recompute::full, true) == 2 * s * b * h / T);
    }
}

TEST_CASE("memory: other models by hand") {
  Model m = model_of(cases[0]);
  Plan plan = plan_of(cases[0], Recompute::none, true);
  const std::int64_t tokens = 4 * 2048 / 8;  // of a rank
  plan.attention = AttentionKind::flash;     // keeps no s x s matrix
  CHECK(layer_activations(m, plan) == Bytes(tokens * 34 * 6144));
  m.dropout = false;  // two masks less
  CHECK(layer_activations(m, plan) == Bytes(tokens * 32 * 6144));
  m.kv_heads = 8;  // K and V an eighth as wide: 2 x 2 x 7/8 h less
  CHECK(layer_activations(m, plan) == Bytes(tokens * (32 * 6144 - 4 * 5376)));
  m.activation = Activation::swiglu;  // the gate: one more input of 4 h
  CHECK(layer_activations(m, plan) == Bytes(tokens * (40 * 6144 - 4 * 5376)));
  plan.precision = Precision::fp32;
  CHECK(layer_activations(m, plan) == Bytes(tokens * 2 * (40 * 6144 - 4 * 5376)));
}

TEST_CASE("memory: activations of Figure 1 within 1 %") {
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const Model model = model_of(c);
    const Row figure = figure_1(c.name);
    const auto kept = [&](Recompute recompute, bool sequence_parallel) {
      const Plan plan = plan_of(c, recompute, sequence_parallel);
      const double layers = chunks_kept(plan) * static_cast<double>(c.layers / plan.chunks());
      return layers * value(layer_activations(model, plan)) / gib;
    };
    CHECK(close(kept(Recompute::none, false), figure.none, 0.01));
    CHECK(close(kept(Recompute::selective, true), figure.selective, 0.01));
    // The stage as a whole also keeps the embedding's dropout mask (Section 4.3: s b h, t-th under sequence
    // parallelism) of each micro batch: p of them under 1f1b.
    if (c.pipeline == 1 || c.virtual_stages > 1) continue;
    const double mask = 2048.0 * static_cast<double>(c.micro_batch * c.hidden * c.pipeline);
    const auto stage = [&](Recompute recompute, bool sequence_parallel) {
      return value(stage_memory(model, plan_of(c, recompute, sequence_parallel), 0).activations);
    };
    CHECK(close((stage(Recompute::none, false) - mask) / gib, figure.none, 0.01));
    CHECK(close((stage(Recompute::selective, true) - mask / 8) / gib, figure.selective, 0.01));
  }
}

TEST_CASE("memory: parameters and optimizer of Figure 1 within 1 %: 18 bytes for each of 12 L h^2 / (t p)") {
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const Model model = model_of(c);
    const double each = static_cast<double>(model.layer_parameters() * c.layers) / static_cast<double>(8 * c.pipeline);
    CHECK(close(18 * each / gib, figure_1(c.name).parameters, 0.01));
    if (c.pipeline < 3) continue;  // a stage between the first and the last has layers only
    const StageMemory m = stage_memory(model, plan_of(c, Recompute::none, false), 1);
    CHECK(close(value(m.fixed()) / gib, figure_1(c.name).parameters, 0.01));
    CHECK(m.gradients.value() == 2 * m.weights.value());
    CHECK(m.optimizer.value() == 6 * m.weights.value());
  }
}

TEST_CASE("memory: embedding, head, ZeRO-1, recomputation") {
  const Case& c = cases[1];
  const Model model = model_of(c);
  Plan plan = plan_of(c, Recompute::full, false);
  const std::int64_t sbh = 2048 * 12288, layer = 2 * sbh;
  const std::vector<Bytes> chunks = chunk_activations(model, plan);
  REQUIRE(chunks.size() == 24);
  CHECK(chunks[1] == Bytes(4 * layer));
  CHECK(chunks[0] == Bytes(4 * layer + sbh));                                // dropout mask
  CHECK(chunks[23] == Bytes(4 * layer + 4 * sbh + 2048 * 4 * (51200 / 8)));  // norm, its output, fp32 logits
  CHECK(stage_memory(model, plan, 3).recomputation == layer_activations_in_full(model, plan) - Bytes(layer));
  CHECK(layer_activations_in_full(model, plan) == layer_activations(model, plan_of(c, Recompute::none, false)));
  const StageMemory whole = stage_memory(model, plan, 0);
  plan.data = 16, plan.global_batch *= 16, plan.zero = 1;
  const StageMemory shared = stage_memory(model, plan, 0);
  CHECK(shared.weights == whole.weights);
  CHECK(shared.gradients == whole.gradients);
  CHECK(shared.activations == whole.activations);
  CHECK(shared.optimizer == Bytes((whole.optimizer.value() + 15) / 16));
  CHECK(whole.peak() == whole.weights + whole.gradients + whole.optimizer + whole.activations + whole.recomputation);
}

TEST_CASE("memory: gpipe keeps every micro batch, 1f1b one for each stage to the end") {
  const Case c{"", 16, 1024, 16, 4, 1, 1};
  const Model model = model_of(c);
  Plan plan = plan_of(c, Recompute::none, false);  // 32 micro batches
  const auto kept = [&](std::int64_t stage) { return stage_memory(model, plan, stage).activations; };
  const Bytes chunk = chunk_activations(model, plan)[1];
  CHECK(kept(1) == chunk * 3);
  CHECK(kept(2) == chunk * 2);
  plan.schedule = "gpipe";
  CHECK(kept(1) == chunk * 32);
}
