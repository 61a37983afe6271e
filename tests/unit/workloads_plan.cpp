// Plans that cannot run, and the key that says why.
#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "workloads/plan.hpp"

using namespace rehearse;

namespace {

Plan plan_of(std::string_view schedule, std::int64_t p, std::int64_t m, std::int64_t v) {
  Plan plan;
  plan.schedule = schedule;
  plan.pipeline = p;
  plan.global_batch = m;
  plan.virtual_stages = v;
  return plan;
}

}  // namespace

TEST_CASE("plan: one that does not divide is refused by key") {
  Model model{
      .layers = 12, .hidden = 64, .heads = 4, .kv_heads = 4, .head_dim = 16, .ffn = 256, .vocab = 100, .seq_len = 30};
  const auto keys = [&](const Plan& plan, std::int64_t gpus) {
    std::vector<std::string> out;
    for (const PlanFault& fault : check_plan(model, plan, gpus)) out.push_back(fault.key_path);
    return out;
  };
  Plan plan = plan_of("1f1b", 3, 8, 1);
  using Keys = std::vector<std::string>;
  CHECK(keys(plan, 3).empty());
  CHECK(keys(plan, 4) == Keys{"plan.data"});
  plan.pipeline = 5;
  CHECK(keys(plan, 5) == Keys{"plan.pipeline"});
  plan = plan_of("interleaved", 2, 8, 4);  // 12 layers, 8 chunks
  CHECK(keys(plan, 2) == Keys{"plan.pipeline"});
  plan = plan_of("1f1b", 1, 8, 1);
  plan.data = 3;
  CHECK(keys(plan, 3) == Keys{"plan.global_batch"});
  plan.data = 1;
  plan.tensor = 8;  // neither 4 heads nor 4 KV heads are split over 8, and fewer KV heads than ranks are copied
  CHECK(keys(plan, 8) == Keys{"plan.tensor"});
  plan.tensor = 4;
  plan.sequence_parallel = true;  // 30 tokens
  CHECK(keys(plan, 4) == Keys{"plan.tensor"});
  model.seq_len = 32;
  model.kv_heads = 2, model.heads = 12;  // 2 over 4 ranks: each is on two of them
  CHECK(keys(plan, 4).empty());
  model.kv_heads = 3;  // the 3 query heads of a rank would need two of them
  CHECK(keys(plan, 4) == Keys{"plan.tensor"});
  model.kv_heads = 6;
  CHECK(keys(plan, 4) == Keys{"plan.tensor"});
}

TEST_CASE("plan: a list of stages may leave a chunk without layers, for the embedding or the head alone") {
  Model model{
      .layers = 6, .hidden = 64, .heads = 4, .kv_heads = 4, .head_dim = 16, .ffn = 256, .vocab = 100, .seq_len = 32};
  Plan plan = plan_of("interleaved", 4, 8, 2);
  plan.stages = StageSplit::balanced;
  CHECK_FALSE(check_plan(model, plan, 4).empty());
  plan.stages = StageSplit::listed;
  plan.stage_layers = {0, 1, 1, 1, 1, 1, 1, 0};
  CHECK(check_plan(model, plan, 4).empty());
  plan.stage_layers.back() = 1;
  CHECK_FALSE(check_plan(model, plan, 4).empty());
}

TEST_CASE("plan: of a transformer the embedding and the head may be chunks of their own") {
  Model model{
      .layers = 2, .hidden = 64, .heads = 4, .kv_heads = 4, .head_dim = 16, .ffn = 256, .vocab = 100, .seq_len = 32};
  Plan plan = plan_of("1f1b", 4, 8, 1);
  plan.stages = StageSplit::listed;
  plan.stage_layers = {0, 1, 1, 0};
  CHECK(check_plan(model, plan, 4).empty());
  model.sequence = {LayerWork{.name = "first"}, LayerWork{.name = "second"}};
  const std::vector<PlanFault> faults = check_plan(model, plan, 4);
  REQUIRE(faults.size() == 1);
  CHECK(faults[0].key_path == "plan.stages");
}
