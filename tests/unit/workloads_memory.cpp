// Memory against Korthikanti et al. 2022 (arXiv 2205.05198): its equations exactly, its Figure 1 within 1 %; and what a
// backward pass in two pieces keeps against Qi et al. 2024 (arXiv 2401.10241), Table 1.
#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "engine/base/csv.hpp"
#include "tests/support/cluster_text.hpp"
#include "tests/support/plan_job.hpp"
#include "workloads/memory/account.hpp"
#include "workloads/pass_template.hpp"

using namespace rehearse;

namespace {

constexpr double gib = 1024.0 * 1024.0 * 1024.0;
constexpr MemoryUse kept = MemoryUse::activations;

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
  Model m;
  m.layers = c.layers, m.hidden = c.hidden, m.heads = m.kv_heads = c.heads, m.head_dim = c.hidden / c.heads;
  m.ffn = 4 * c.hidden, m.vocab = 51200, m.seq_len = 2048;
  return m;
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

/// What of(model, plan) grows by with one layer more, in a pipeline of one stage.
template <class F>
Bytes of_one_layer(Model model, Plan plan, F of) {
  plan.pipeline = plan.virtual_stages = 1, plan.schedule = "1f1b";
  model.layers = 1;
  const Bytes one = of(model, plan);
  model.layers = 2;
  return of(model, plan) - one;
}

/// That a layer keeps of one micro batch.
Bytes layer_activations(const Model& model, const Plan& plan) {
  return of_one_layer(model, plan,
                      [](const Model& m, const Plan& p) { return bytes_left(forward_steps(m, p, 0), kept); });
}

/// In GiB, of Figure 1.
double figure_1(const std::string& model, const char* column) {
  static const CsvTable table = load_csv(REHEARSE_TEST_DIR "/validation/korthikanti2022_fig1_memory_gib.csv");
  for (const CsvRow& row : table.rows)
    if (row.cells[*table.find("model")] == model) return std::stod(row.cells[*table.find(column)]);
  FAIL("no row of Figure 1 for ", model);
  return 0;
}

/// On GPUs without any overhead.
StageMemory memory_of(const Model& model, const Plan& plan, std::uint32_t stage) {
  const Cluster cluster =
      testing::cluster_of("{node: {gpus: " + std::to_string(plan.gpus()) +
                          ", device: a100-80gb-sxm, interconnect: {bandwidth: 300 GB/s, latency: 1 us}}, nodes: 1}");
  Job job = testing::job_of(plan);
  job.model = model;
  const JobLayout layout(std::span<const Job>(&job, 1), cluster);
  const Program program = build_program(std::span<const Job>(&job, 1), layout, cluster, {});
  for (std::uint32_t r = 0; r < layout.roles().size(); ++r)
    if (layout.roles()[r].stage == stage) return stage_memory(job, program, layout.roles()[r], r, cluster.groups()[0]);
  FAIL("no stage ", stage);
  return {};
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

TEST_CASE("memory: whatever a micro batch keeps goes in its backward pass, in one piece or in two") {
  for (const Recompute recompute : {Recompute::none, Recompute::selective, Recompute::full})
    for (const bool sequence_parallel : {false, true}) {
      const Model model = model_of(cases[0]);
      const Plan plan = plan_of(cases[0], recompute, sequence_parallel);
      const Steps backward = backward_steps(model, plan, 0);
      for (const MemoryUse use :
           {MemoryUse::activations, MemoryUse::recomputation, MemoryUse::workspace, MemoryUse::gathered}) {
        const Bytes before = bytes_left(forward_steps(model, plan, 0), use);
        CHECK(before + bytes_left(backward, use) == Bytes(0));
        CHECK((use == kept || before == Bytes(0)));
        CHECK(bytes_left(of_phase(backward, Phase::backward_input), use) +
                  bytes_left(of_phase(backward, Phase::backward_weight), use) ==
              bytes_left(backward, use));
      }
    }
}

TEST_CASE("memory: gradients of weights need 32 s b h of a layer's 34 s b h + 5 a s^2 b: Qi et al., Table 1") {
  for (const Case& c : cases) {
    const Model model = model_of(c);
    Plan plan = plan_of(c, Recompute::none, false);
    plan.tensor = 1;
    const auto left_to_weights = [](const Model& m, const Plan& p) {
      const Steps of_inputs = of_phase(backward_steps(m, p, 0), Phase::backward_input);
      return bytes_left(forward_steps(m, p, 0), kept) + bytes_left(of_inputs, kept) +
             bytes_left(of_inputs, MemoryUse::workspace);
    };
    CHECK(of_one_layer(model, plan, left_to_weights) == Bytes(32 * 2048 * c.micro_batch * c.hidden));
  }
}

TEST_CASE("memory: schedules are made for that share") {
  Job job;
  job.model = model_of({"", 48, 2048, 16, 1, 1, 1});
  job.model.vocab = 128;
  Program program;
  const Device device = load_device("a100-80gb-sxm");
  const double s = 2048, h = 2048, a = 16;
  // Beside 48 layers there are embedding and head.
  CHECK(close(PassTemplates(job, device, {}, program).times().kept, 32 * h / (34 * h + 5 * a * s), 0.01));
  job.plan.attention = AttentionKind::flash;
  CHECK(close(PassTemplates(job, device, {}, program).times().kept, 32.0 / 34, 0.01));
}

TEST_CASE("memory: the first stage of Figure 1 within 1 %") {
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const Model model = model_of(c);
    // The stage as a whole keeps what the figure leaves out: the dropout mask of the embedding (Section 4.3: s b h,
    // t-th under sequence parallelism) of each micro batch under way, and, where it is the last as well, what the head
    // does.
    const auto stage = [&](Recompute recompute, bool sequence_parallel) {
      const Plan plan = plan_of(c, recompute, sequence_parallel);
      const StageMemory memory = memory_of(model, plan, 0);
      const double chunks = c.pipeline == 1 ? 1
                            : c.virtual_stages == 1
                                ? static_cast<double>(c.pipeline)
                                : static_cast<double>(c.pipeline * c.virtual_stages + c.pipeline - 1);
      const double layers = chunks * static_cast<double>(c.layers / plan.chunks());
      const double of_layers = layers * value(layer_activations(model, plan));
      const double mask = 2048.0 * static_cast<double>(c.micro_batch * c.hidden) / (sequence_parallel ? 8 : 1);
      if (c.pipeline > 1) {
        // When most is in use a backward pass is under way, with no more of its own than one whole layer.
        const double whole = value(layer_activations(model, plan_of(c, Recompute::none, sequence_parallel)));
        const double in_passes = value(memory.in_use() - memory.fixed());
        CHECK(in_passes >= of_layers);
        CHECK(in_passes <= of_layers + 2 * static_cast<double>(c.pipeline) * mask + whole);
      }
      return of_layers / gib;
    };
    CHECK(close(stage(Recompute::none, false), figure_1(c.name, "act_none_GiB"), 0.01));
    CHECK(close(stage(Recompute::selective, true), figure_1(c.name, "act_seqsel_GiB"), 0.01));
  }
}

TEST_CASE("memory: parameters and optimizer of Figure 1 within 1 %: 18 bytes for each of 12 L h^2 / (t p)") {
  for (const Case& c : cases) {
    if (c.pipeline < 3) continue;  // a stage between the first and the last has layers only
    CAPTURE(c.name);
    const StageMemory m = fixed_memory(model_of(c), plan_of(c, Recompute::none, false), 1);
    CHECK(close(value(m.fixed()) / gib, figure_1(c.name, "par_opt_GiB"), 0.01));
    CHECK(m.gradients.value() == 2 * m.weights.value());
    CHECK(m.optimizer.value() == 6 * m.weights.value());
  }
}

TEST_CASE("memory: ZeRO shards what it says (Rajbhandari et al. 2020, Figure 1), offloaded states are not there") {
  Plan plan = plan_of(cases[1], Recompute::full, false);
  plan.data = 16, plan.global_batch *= 16;
  const auto fixed = [&](std::int64_t zero) {
    plan.zero = zero, plan.reduce_every_micro_batch = zero >= 2;
    return fixed_memory(model_of(cases[1]), plan, 3);
  };
  const auto share = [](Bytes bytes) { return Bytes((bytes.value() + 15) / 16); };
  const StageMemory whole = fixed(0);
  for (const std::int64_t zero : {1, 2, 3}) {
    const StageMemory shared = fixed(zero);
    CHECK(shared.optimizer == share(whole.optimizer));
    CHECK(shared.gradients == (zero >= 2 ? share(whole.gradients) : whole.gradients));
    CHECK(shared.weights == (zero >= 3 ? share(whole.weights) : whole.weights));
  }
  plan.offload_optimizer = true;
  CHECK(fixed(0).optimizer == Bytes(0));
  CHECK(fixed(0).gradients == whole.gradients);
}

TEST_CASE("memory: gpipe keeps every micro batch, 1f1b one for each stage to the end") {
  const Case c{"", 16, 1024, 16, 4, 1, 1};
  const Model model = model_of(c);
  Plan plan = plan_of(c, Recompute::none, false);  // 32 micro batches
  const Bytes chunk = bytes_left(forward_steps(model, plan, 1), kept);
  const auto chunks_kept = [&](std::uint32_t stage) {  // beside them less than a chunk's worth of gradients
    const StageMemory memory = memory_of(model, plan, stage);
    return (memory.in_use() - memory.fixed()).value() / chunk.value();
  };
  CHECK(chunks_kept(1) == 3);
  CHECK(chunks_kept(2) == 2);
  plan.schedule = "gpipe";
  CHECK(chunks_kept(1) == 32);
}
