// Plans of every kind, drawn at random and proved; and programs that are wrong, each found out.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/support/cluster_text.hpp"
#include "tests/support/dice.hpp"
#include "tests/support/plan_job.hpp"
#include "tests/support/tiny_models.hpp"
#include "workloads/proof/proof.hpp"

using namespace rehearse;
using namespace rehearse::testing;

namespace {

/// Two nodes of eight GPUs and their fabric.
const Cluster& small_cluster() {
  static const Cluster cluster = cluster_of("{node: dgx-a100, nodes: 4}");
  return cluster;
}

Job proof_job(Model model, const Plan& plan) {
  Job job = job_of(plan);
  job.model = std::move(model);
  for (const CollectiveOp op : collective_ops) job.collectives.wish[op] = {};
  return job;
}

Model dense_model(Dice& dice, std::int64_t tensor) {
  Model m = dice.one_in(2) ? tiny_gpt() : tiny_llama();
  m.dropout = dice.one_in(2);
  m.bias = dice.one_in(2);
  m.tied_embeddings = dice.one_in(2);
  m.head_dim = 4;
  m.kv_heads = dice.divisor(tensor) * (dice.one_in(3) ? 2 : 1);
  m.heads = std::max(m.kv_heads, tensor) * (1 + dice.below(2));
  if (m.heads % m.kv_heads != 0) m.heads = m.kv_heads * tensor;
  m.hidden = 8;
  m.ffn = 3 * tensor;
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
    plan.global_batch = plan.micro_batch * plan.data * (1 + dice.below(8));
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
  plan.zero = dice.below(2);
  plan.overlap_grad_reduce = dice.one_in(2);
  plan.reduce_every_micro_batch = dice.one_in(3);
  plan.bucket_size = Bytes(dice.one_in(2) ? 0 : 4 * (100 + dice.below(5000)));
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
  if (plan.micro_batch * model.seq_len % (plan.tensor_overlap * plan.tensor) != 0) plan.tensor_overlap = 1;
  return proof_job(std::move(model), plan);
}

std::string describe(const Job& job) {
  const Plan& p = job.plan;
  return job.model.name + " " + p.schedule + " t" + std::to_string(p.tensor) + " p" + std::to_string(p.pipeline) +
         " d" + std::to_string(p.data) + " v" + std::to_string(p.virtual_stages) + " m" +
         std::to_string(p.micro_batches()) + " zero" + std::to_string(p.zero) + " sp" +
         std::to_string(p.sequence_parallel) + " every" + std::to_string(p.reduce_every_micro_batch) + " overlap" +
         std::to_string(p.overlap_grad_reduce) + " tied" + std::to_string(job.model.tied_embeddings) + " kv" +
         std::to_string(job.model.kv_heads) + " L" + std::to_string(job.model.layers);
}

}  // namespace

TEST_CASE("proof: plans of every kind") {
  for (std::uint64_t draw = 0; draw < 200; ++draw) {
    CAPTURE(draw);
    const Job job = drawn_job(draw);
    const std::string text = describe(job);
    CAPTURE(text);
    const auto wrong = check_plan(job.model, job.plan, job.plan.gpus());
    INFO((wrong.empty() ? "" : wrong.front().message));
    REQUIRE(wrong.empty());
    const ProofReport report = prove(job, small_cluster());
    INFO((report.faults.empty() ? "" : report.faults.front()));
    CHECK(report.proved());
  }
}
