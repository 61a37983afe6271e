// What makes a run small must not change its answer: every shortcut against the run without it, within 1e-9.
#include <doctest/doctest.h>

#include <string>

#include "tests/unit/scenarios_support.hpp"

using namespace rehearse;
using namespace rehearse::testing;

namespace {

struct Case {
  std::string name, cluster, plan, more;
  std::size_t classes = 0;  ///< of GPUs, where symmetry says how many; 0: as many as it likes
  bool replays = true;      ///< some collective has its links to itself
};

const std::string dgx = "cluster: {node: dgx-a100, nodes: 1}\n";
/// Nodes of `gpus` GPUs with as many NICs.
std::string nodes(int count, int gpus, const std::string& fabric) {
  return "cluster: {node: {base: dgx-a100, gpus: " + std::to_string(gpus) + ", nic: {count: " + std::to_string(gpus) +
         "}}, nodes: " + std::to_string(count) + ", fabric: {" + fabric + "}}\n";
}
std::string direct(int count, const std::string& fabric) {
  return "cluster: {node: torus-node, nodes: " + std::to_string(count) + ", fabric: {" + fabric + "}}\n";
}

const std::vector<Case> cases{
    {"tensor parallel", dgx, "tensor: 8, global_batch: 4, recompute: full", "", 1, true},
    {"tensor and data parallel", dgx, "tensor: 2, data: 4, global_batch: 8", "", 1, true},
    {"two stages", dgx, "tensor: 2, pipeline: 2, data: 2, global_batch: 8", "", 2, true},
    {"every message whole", dgx, "tensor: 2, pipeline: 2, data: 2, global_batch: 8, scatter_gather: false", "", 2,
     true},
    {"interleaved over two nodes", nodes(2, 4, "topology: switch"),
     "tensor: 2, pipeline: 2, data: 2, global_batch: 8, schedule: interleaved, virtual_stages: 2, recompute: full"},
    {"ZeRO-1 and buckets under the backward pass", nodes(2, 4, "topology: fat_tree, radix: 8"),
     "tensor: 2, pipeline: 1, data: 4, global_batch: 16, zero: 1, overlap_grad_reduce: true, bucket_size: 500 kB", "",
     0, false},
    {"ZeRO-2 in buckets", nodes(2, 4, "topology: switch"),
     "tensor: 2, data: 4, global_batch: 16, zero: 2, overlap_grad_reduce: true, bucket_size: 500 kB", "", 0, false},
    {"ZeRO-3, and Adafactor", nodes(2, 4, "topology: fat_tree, radix: 8"),
     "data: 8, global_batch: 16, zero: 3, prefetch: 2, optimizer: adafactor"},
    {"hybrid sharding of stages", nodes(4, 4, "topology: switch"),
     "pipeline: 2, data: 8, global_batch: 32, zero: 3, shard: 4, reshard_after_forward: false", "", 0, false},
    {"all offloaded", nodes(2, 4, "topology: switch"),
     "tensor: 2, data: 4, global_batch: 16, zero: 2, offload_optimizer: true, offload_activations: true"},
    {"chunks through switches that compute under the backward pass, and a tree behind it",
     "cluster: {node: {base: dgx-h100, gpus: 4, nic: {count: 4}, collectives: {protocols: {simple: {chunk: 16 KiB}}}}, "
     "nodes: 5, fabric: {topology: switch}}\n",
     "tensor: 2, data: 10, global_batch: 20, zero: 1, sequence_parallel: true, overlap_grad_reduce: true",
     "collectives: {all_gather: in_switch, reduce_scatter: in_switch, all_reduce: nccl_tree}\n", 2, false},
    {"buckets and overlapped sends", dgx,
     "tensor: 2, pipeline: 2, data: 2, global_batch: 8, overlap_grad_reduce: true, bucket_size: 1 MB, overlap_p2p: "
     "true",
     "", 0, false},
    {"sequence parallel and flash attention", dgx,
     "tensor: 4, pipeline: 2, global_batch: 4, sequence_parallel: true, attention: flash, recompute: selective"},
    {"gpipe", dgx, "tensor: 1, pipeline: 4, data: 2, global_batch: 12, schedule: gpipe"},
    {"torus", direct(8, "topology: torus, dimensions: [2, 2, 2]"),
     "tensor: 2, data: 4, global_batch: 8, overlap_grad_reduce: true, zero: 1"},
    {"ring", direct(6, "topology: ring"), "data: 6, global_batch: 12", "", 1, true},
    {"pipeline on a ring", direct(6, "topology: ring"), "pipeline: 3, data: 2, global_batch: 6", "layers: 6"},
    {"oversubscribed tree", nodes(8, 2, "topology: fat_tree, radix: 6, oversubscription: 2"),
     "tensor: 2, pipeline: 2, data: 4, global_batch: 8"},
    {"flows spread by hash", nodes(8, 2, "topology: fat_tree, radix: 8, routing: ecmp, seed: 3"),
     "tensor: 2, pipeline: 2, data: 4, global_batch: 8"},
    {"every step of every ring", nodes(2, 4, "topology: switch"), "tensor: 4, data: 2, global_batch: 4",
     "fidelity: flow\n"},
    {"rings as long flows", nodes(2, 4, "topology: switch"), "tensor: 4, data: 2, global_batch: 4",
     "fidelity: fluid\n"},
    {"groups across nodes", nodes(3, 4, "topology: switch"), "tensor: 2, pipeline: 3, data: 2, global_batch: 6",
     "layers: 6"},
    {"a tensor group across nodes, NICs shared",
     "cluster: {node: {base: dgx-a100, gpus: 4, nic: {count: 2}}, nodes: 2, fabric: {topology: switch}}\n",
     "tensor: 8, global_batch: 2, sequence_parallel: true"},
};

Scenario scenario_of(const Case& c) {
  const bool layers = c.more.starts_with("layers");
  return read_scenario(parse_yaml("name: " + c.name + "\nmodel: {" + (layers ? c.more : "layers: 4") +
                                      ", hidden: 512, heads: 8, vocab: 1024, seq_len: 256}\n" + c.cluster + "plan: {" +
                                      c.plan + "}\n" + (layers ? "" : c.more),
                                  "test.yaml"));
}

}  // namespace

TEST_CASE("folding, merging and reuse are exact") {
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const Scenario scenario = scenario_of(c);
    REQUIRE(check_plan_of(scenario).empty());
    const Run exact = run_scenario(scenario, SimulationOptions::exact());
    CHECK(exact.gpus.size() == scenario.cluster.gpu_count());
    CHECK(exact.faults == "");
    CHECK(exact.replayed == 0);
    for (const auto& [what, options] : {std::pair{std::string("default"), SimulationOptions{true, true, true}},
                                        {"kernels not merged", {false, true, true}},
                                        {"collectives not reused", {true, false, true}},
                                        {"GPUs not folded", {true, true, false}}}) {
      CAPTURE(what);
      const Run run = run_scenario(scenario, options);
      CHECK(differences(run, exact) == "");
      CHECK(run.faults == "");
      CHECK(run.ops <= exact.ops);
      if (!options.reuse_collectives) CHECK(run.replayed == 0);
      if (what == "default") CHECK((run.replayed > 0) == c.replays);
      if (options.fold && c.classes > 0) CHECK(run.gpus.size() == c.classes);
    }
  }
}

TEST_CASE("the comparison finds a difference") {
  const Scenario a = scenario_of(cases[2]);
  Scenario b = a;
  b.jobs.front().plan.scatter_gather = false;
  CHECK_FALSE(differences(run_scenario(a), run_scenario(b, SimulationOptions::exact())).empty());
}
