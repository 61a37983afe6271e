// Plans of every kind, drawn at random and proved, each with options in any mixture.
#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "tests/support/dice.hpp"
#include "tests/support/proof_jobs.hpp"
#include "tests/support/random_plans.hpp"

using namespace rehearse;
using namespace rehearse::testing;

namespace {

Model dense_model(Dice& dice, std::int64_t tensor) {
  Model m = dice.one_in(2) ? tiny_gpt() : tiny_llama();
  m.dropout = dice.one_in(2);
  m.bias = dice.one_in(2);
  m.tied_embeddings = dice.one_in(2);
  m.head_dim = 4;
  m.kv_heads = dice.divisor(tensor) * (dice.one_in(3) ? 2 : 1);
  m.heads = tensor * m.kv_heads;
  m.hidden = 8;
  m.ffn = 3 * tensor;
  m.vocab = dice.one_in(3) ? 128 * tensor - 1 - dice.below(100) : 100;
  m.seq_len = 4 * tensor;
  return m;
}

void draw_pipeline(Dice& dice, Plan& plan) {
  std::vector<std::string> names;
  for (const PipelineRow& row : pipeline_table()) names.emplace_back(row.name);
  for (plan.pipeline = 0; plan.pipeline == 0 || !plan.pipeline_row().check(plan.shape()).empty();) {
    plan.schedule = dice.of(names);
    plan.pipeline = 1 + dice.below(4);
    plan.virtual_stages = 1 + dice.below(2);
    plan.global_batch = plan.micro_batch * plan.data * (1 + dice.below(6));
  }
}

void draw_rest(Dice& dice, Plan& plan) {
  plan.sequence_parallel = dice.one_in(2);
  plan.scatter_gather = dice.one_in(2);
  plan.overlap_p2p = dice.one_in(2);
  plan.tensor_overlap = 1 + dice.below(2);
  plan.overlap_weight_gradient = dice.one_in(2);
  plan.recompute = dice.of<Recompute>({Recompute::none, Recompute::selective, Recompute::full});
  plan.recompute_interval = 1 + dice.below(2);
  plan.recompute_layers = dice.below(3);
  plan.attention = dice.of<AttentionKind>({AttentionKind::unfused, AttentionKind::flash});
  plan.zero = dice.below(3);
  plan.overlap_grad_reduce = dice.one_in(2);
  plan.reduce_every_micro_batch = dice.one_in(3);
  plan.bucket_size = Bytes(dice.one_in(2) ? 0 : 4 * (100 + dice.below(5000)));
}

std::string drawn_algorithm(Dice& dice, CollectiveOp op) {
  std::vector<std::string> names;
  for (const CollectiveRow& row : collective_table(op))
    if (!row.traits.needs_switch) names.emplace_back(row.name);
  return dice.of(names);
}

void draw_algorithms(Dice& dice, Job& job) {
  for (auto& [op, wish] : job.collectives.wish)
    if (dice.one_in(2)) wish.algorithm = drawn_algorithm(dice, op);
}

Job drawn_job(std::uint64_t draw) {
  Dice dice(draw);
  Plan plan;
  plan.tensor = dice.of<std::int64_t>({1, 1, 2, 2, 4});
  plan.data = 1 + dice.below(plan.tensor == 4 ? 2 : 3);
  plan.micro_batch = 1 + dice.below(2);
  draw_pipeline(dice, plan);
  draw_rest(dice, plan);
  Model model = dense_model(dice, plan.tensor);
  model.layers = plan.chunks() * (1 + dice.below(2));
  if (dice.one_in(3)) {
    plan.stages = StageSplit::balanced;
    model.layers = plan.chunks() + dice.below(2);
  }
  if (plan.stages == StageSplit::balanced && dice.one_in(2)) {
    plan.stages = StageSplit::listed;
    plan.stage_layers.assign(static_cast<std::size_t>(plan.chunks()), 1);
    plan.stage_layers[static_cast<std::size_t>(dice.below(plan.chunks()))] += model.layers - plan.chunks();
  }
  if (plan.micro_batch * model.seq_len % (plan.tensor_overlap * plan.tensor) != 0) plan.tensor_overlap = 1;
  Job job = proof_job(std::move(model), plan);
  draw_algorithms(dice, job);
  return job;
}

/// Of RandomPlan, wide enough that a norm does not come to its epsilon.
Job any_job(std::uint64_t draw) {
  RandomPlan plans(draw);
  const Job drawn = plans.job();
  Job job = proof_job(drawn.model, drawn.plan);
  job.model.hidden *= 2;
  Dice dice(draw);
  job.plan.offload_activations = dice.one_in(4);
  job.plan.offload_optimizer = dice.one_in(4);
  draw_algorithms(dice, job);
  return job;
}

std::string describe(const Job& job) { return to_yaml(to_value(job.plan)) + to_yaml(to_value(job.model)); }

void prove_drawn(std::uint64_t draw, const Job& job) {
  CAPTURE(draw);
  const std::string text = describe(job);
  CAPTURE(text);
  for (const PlanFault& fault : check_plan(job.model, job.plan, job.plan.gpus())) FAIL(fault.message);
  const ProofReport report = prove(job, proof_cluster());
  CHECK(first_fault(report) == "");
  CHECK(report.loss == doctest::Approx(report.reference_loss).epsilon(proof_tolerance));
}

}  // namespace

TEST_CASE("proof: dense plans with stages, vocabularies and heads of every kind") {
  for (std::uint64_t draw = 0; draw < 60; ++draw) prove_drawn(draw, drawn_job(draw));
}

TEST_CASE("proof: plans of every kind") {
  int proved = 0, experts = 0, latent = 0, context = 0, sharded = 0, offloaded = 0;
  for (std::uint64_t draw = 0; proved < 200; ++draw) {
    const Job job = any_job(draw);
    if (job.plan.gpus() > 16) continue;
    ++proved;
    experts += job.plan.expert > 1 && job.model.experts.per_token > 1 ? 1 : 0;
    latent += job.model.is_latent() ? 1 : 0;
    context += job.plan.context > 1 ? 1 : 0;
    sharded += job.plan.zero == 3 && job.plan.shards() > 1 ? 1 : 0;
    offloaded += job.plan.offload_activations ? 1 : 0;
    prove_drawn(draw, job);
  }
  for (const int count : {experts, latent, context, sharded, offloaded}) CHECK(count >= 5);
}

TEST_CASE("proof: what is made smaller is proved, too") {
  for (std::uint64_t draw = 0; draw < 20; ++draw) {
    CAPTURE(draw);
    Dice dice(draw);
    Job job = drawn_job(1000 + draw);
    // As large as life.
    Plan& plan = job.plan;
    Model& m = job.model;
    const std::int64_t times = 1 + dice.below(4);
    plan.tensor *= times, plan.data *= 1 + dice.below(5), plan.micro_batch *= 1 + dice.below(5);
    plan.global_batch = plan.micro_batch * plan.data * job.plan.pipeline * 4 * (1 + dice.below(3));
    m.hidden *= 512, m.heads *= 8 * times, m.kv_heads *= dice.one_in(2) ? 1 : 8 * times, m.ffn *= 640 * times;
    m.head_dim = 128, m.seq_len *= 256 * times, m.vocab = 50'257;
    plan.bucket_size = Bytes(dice.one_in(2) ? 0 : 40'000'000);
    plan.tensor_overlap = 1;
    if (plan.tensor % m.kv_heads != 0) m.kv_heads = m.heads;
    job.gpus.resize(static_cast<std::size_t>(plan.gpus()));
    std::iota(job.gpus.begin(), job.gpus.end(), 0U);
    const std::string text = describe(job);
    CAPTURE(text);
    for (const PlanFault& fault : check_plan(m, plan, plan.gpus())) FAIL(fault.message);
    std::vector<std::string> notes;
    const Job small = scaled_down(job, notes);
    CHECK(!notes.empty());
    CHECK(small.plan.schedule == plan.schedule);
    CHECK(first_fault(prove(small, proof_cluster())) == "");
  }
}
