// Whole runs of models with experts: shortcuts are exact for them, too, and their all_to_alls take what ports need.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/support/relative.hpp"
#include "tests/unit/scenarios_bare.hpp"

using namespace rehearse;
using namespace rehearse::testing;

namespace {

const std::string experts =
    "model: {layers: 4, hidden: 512, heads: 8, vocab: 1024, seq_len: 256, experts: {count: 16, per_token: 2, ffn: 256, "
    "shared: 1, first_dense: 1}}\n";
const std::string latent =
    "model: {layers: 4, hidden: 512, heads: 8, head_dim: 48, latent: {query_rank: 64, kv_rank: 32, rotary: 16}, vocab: "
    "1024, seq_len: 256, bias: false, experts: {count: 8, per_token: 3, capacity_factor: 1.5}}\n";

struct Case {
  std::string model, cluster, plan;
};
const std::vector<Case> cases{
    {experts, "cluster: {node: dgx-a100, nodes: 1}\n",
     "tensor: 2, expert: 4, global_batch: 8, sequence_parallel: true"},
    {experts, "cluster: {node: {base: dgx-a100, gpus: 4, nic: {count: 4}}, nodes: 4, fabric: {topology: switch}}\n",
     "pipeline: 2, expert: 8, global_batch: 16, overlap_shared_experts: true, zero: 1"},
    {latent, "cluster: {node: {base: dgx-a100, gpus: 4, nic: {count: 4}}, nodes: 2, fabric: {radix: 8}}\n",
     "tensor: 2, pipeline: 2, expert: 2, global_batch: 8, schedule: dualpipe, recompute: full"},
};

double expert_seconds(const Scenario& scenario) {
  return in_child([&] { return std::vector<double>{simulate(scenario).gpus.front().breakdown.expert_comm.value()}; })
      .front();
}

}  // namespace

TEST_CASE("experts: folding, merging and reuse are exact") {
  for (const Case& c : cases) {
    CAPTURE(c.plan);
    const Scenario scenario = scenario_of(c.model + c.cluster + "plan: {" + c.plan + "}\n");
    REQUIRE(check_plan_of(scenario).empty());
    const Run run = run_scenario(scenario), exact = run_scenario(scenario, SimulationOptions::exact());
    CHECK(differences(run, exact) == "");
    CHECK(run.ops <= exact.ops);
  }
}

TEST_CASE("experts: on ports without latency an all_to_all takes (E - 1) / E of the bytes that a rank sends") {
  for (const int ranks : {2, 4, 8}) {
    CAPTURE(ranks);
    const std::string n = std::to_string(ranks);
    const Scenario scenario =
        scenario_of(experts + "cluster: {node: " + bare + ", nodes: " + n + ", fabric: {topology: switch}}\n" +
                    "plan: {expert: " + n + ", micro_batch: 2, global_batch: " + std::to_string(6 * ranks) + "}\n");
    const double bytes = 2 * 256 * 2 * 512 * 2.0;  // tokens x top k x hidden x 2
    // Two forward and two backward, in three layers and three micro batches.
    CHECK(expert_seconds(scenario) == relative(4 * 3 * 3 * bytes * (ranks - 1) / ranks / port, 1e-9));
  }
}
