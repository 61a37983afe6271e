// How long gathers, reductions and copies to the host take beside what a GPU computes, in closed form on nodes that are
// nothing but links; and what has no room.
#include <doctest/doctest.h>

#include <fmt/format.h>

#include "tests/support/relative.hpp"
#include "tests/unit/scenarios_bare.hpp"
#include "workloads/memory/account.hpp"
#include "workloads/parameters.hpp"

using namespace rehearse;
using namespace rehearse::testing;

namespace {

constexpr int ranks = 4;

/// `bandwidth` in GB/s, of each node's port.
std::string yaml_of(const std::string& bandwidth, const std::string& plan) {
  return fmt::format(
      "name: sharded\nmodel: {{layers: 4, hidden: 512, heads: 8, vocab: 1024, seq_len: 256, tied_embeddings: "
      "false}}\ncluster: {{node: {{gpus: 1, device: a100-80gb-sxm, nic: {{count: 1, bandwidth: {} GB/s, latency: 0 "
      "us}}}}, nodes: {}, fabric: {{topology: switch}}}}\nplan: {{data: {}, clip_gradients: false, zero: 3, {}}}\n",
      bandwidth, ranks, ranks, plan);
}

/// Of an all_gather or reduce_scatter of all parameters, by n ranks (Thakur et al. 2005).
double time_of_all(const Scenario& scenario, int n, std::int64_t element_bytes, double bandwidth) {
  const auto parameters = static_cast<double>(scenario.jobs.front().model.parameters());
  return (n - 1.0) / n * parameters * static_cast<double>(element_bytes) / bandwidth;
}

double computing(const Run& run) { return run.gpus.begin()->second.breakdown[0]; }
double stepping(const Run& run) { return run.gpus.begin()->second.breakdown[5]; }

/// Of the kernels of the head, forward.
double head_forward_time(const Scenario& scenario) {
  const Job& job = scenario.jobs.front();
  double sum = 0;
  for (const Step& step : forward_steps(job.model, job.plan, 0))
    if (const auto* kernel = std::get_if<KernelStep>(&step); kernel != nullptr && kernel->block == "head")
      sum += scenario.cluster.device(0).time(kernel->kernel).value();
  return sum;
}

}  // namespace

TEST_CASE("sharding: nothing gathered ahead: gathers and reductions are all seen") {
  for (const int micro_batches : {1, 3}) {
    const std::string yaml = yaml_of("10", fmt::format("global_batch: {}, prefetch: 0", ranks * micro_batches));
    const Scenario scenario = scenario_of(yaml);
    const Run run = run_of(yaml);
    const double weights = time_of_all(scenario, ranks, 2, 10e9), gradients = time_of_all(scenario, ranks, 4, 10e9);
    CHECK(computing(run) > 0.05 * run.time);
    CHECK(run.time == relative(computing(run) + stepping(run) + micro_batches * (2 * weights + gradients), 1e-9));
  }
}

TEST_CASE("sharding: over a slow network a GPU computes beside it, but for the head between the two passes") {
  const std::string yaml = yaml_of("0.1", fmt::format("global_batch: {}, prefetch: 1", ranks));
  const Scenario scenario = scenario_of(yaml);
  const Run run = run_of(yaml);
  const double weights = time_of_all(scenario, ranks, 2, 0.1e9), gradients = time_of_all(scenario, ranks, 4, 0.1e9);
  CHECK(run.time == relative(2 * weights + gradients + head_forward_time(scenario) + stepping(run), 1e-9));
}

TEST_CASE("sharding: over a fast network less is seen where a unit is gathered ahead") {
  double last = HUGE_VAL;
  for (const int prefetch : {0, 1}) {
    const Run run = run_of(yaml_of("200", fmt::format("global_batch: {}, prefetch: {}", ranks, prefetch)));
    CHECK(run.time < last);
    CHECK(run.time > computing(run) + stepping(run));
    last = run.time;
  }
}

TEST_CASE("sharding: parameters that stay are gathered once, whatever micro batches are under way") {
  // GPipe has all four between forward and backward: one gather; 1F1B on one stage has one at a time: four.
  for (const auto& [schedule, gathers] : {std::pair{"gpipe", 1}, {"1f1b", 4}}) {
    const std::string yaml = yaml_of("10", fmt::format("global_batch: {}, prefetch: 0, reshard_after_forward: false, "
                                                       "reduce_every_micro_batch: false, schedule: {}",
                                                       4 * ranks, schedule));
    const Run run = run_of(yaml);
    const Scenario scenario = scenario_of(yaml);
    const double weights = time_of_all(scenario, ranks, 2, 10e9), gradients = time_of_all(scenario, ranks, 4, 10e9);
    // Reductions run beside the next unit's kernels: at least the first, at most all of them are hidden.
    CHECK(run.time > computing(run) + stepping(run) + gathers * weights);
    CHECK(run.time < computing(run) + stepping(run) + gathers * weights + gradients);
  }
}

TEST_CASE("sharding: hybrid: the gathers of fewer ranks, and the shares' sums") {
  const std::string yaml = yaml_of("10", fmt::format("global_batch: {}, prefetch: 0, shard: 2", ranks));
  const Scenario scenario = scenario_of(yaml);
  const Run run = run_of(yaml);
  const double weights = time_of_all(scenario, 2, 2, 10e9), gradients = time_of_all(scenario, 2, 4, 10e9);
  const double seen = computing(run) + stepping(run) + 2 * weights + gradients;
  // An all_reduce of half the gradients by two ranks, of which the last is beside nothing.
  const double sums = 2 * time_of_all(scenario, 2, 4, 10e9) / 2;
  CHECK(run.time > seen);
  CHECK(run.time < seen + sums);
}

TEST_CASE("offload: the optimizer's step over PCIe and the host's memory, which the GPUs of a node share") {
  const auto yaml_with = [](int gpus, bool offload) {
    return fmt::format(
        "name: offloaded\nmodel: {{layers: 4, hidden: 512, heads: 8, vocab: 1024, seq_len: 256}}\n"
        "cluster: {{node: {{gpus: {}, device: a100-80gb-sxm, pcie: {{bandwidth: 10 GB/s, latency: 0 us}}, "
        "host: {{memory: 1 TB, bandwidth: 20 GB/s}}}}, nodes: 1}}\n"
        "plan: {{data: {}, global_batch: {}, clip_gradients: false, zero: 2, gradient_precision: bf16, "
        "offload_optimizer: {}}}\n",
        gpus, gpus, gpus, offload);
  };
  for (const int gpus : {1, 4}) {
    const Run with = run_of(yaml_with(gpus, true)), without = run_of(yaml_with(gpus, false));
    const Scenario scenario = scenario_of(yaml_with(gpus, true));
    const double parameters = static_cast<double>(scenario.jobs.front().model.parameters()) / gpus;
    // Of one GPU: there and back over its own link, unless all together fill the memory's; then Adam on 28 bytes each.
    const double link = std::min(10e9, 20e9 / gpus);
    const double expected = parameters * (2 / link + 28 / (20e9 / gpus) + 2 / link);
    CHECK(with.time - (without.time - stepping(without)) == relative(expected, 1e-6));
  }
}

TEST_CASE("offload: what a node cannot do or hold") {
  const auto faults_of = [](const std::string& node, const std::string& plan) {
    const Scenario s = scenario_of(
        "name: x\nmodel: {layers: 4, hidden: 512, heads: 8, vocab: 1024, seq_len: 256}\n"
        "cluster: {node: {gpus: 1, device: a100-80gb-sxm" +
        node + "}, nodes: 1}\nplan: {global_batch: 2, " + plan + "}\n");
    std::string text;
    for (const Fault& fault : check_plan_of(s)) text += fault.to_string();
    if (text.empty())
      for (const Fault& fault : check_memory_of(s)) text += fault.to_string();
    return text;
  };
  const std::string pcie = ", pcie: {bandwidth: 10 GB/s, latency: 0 us}";
  CHECK(faults_of("", "offload_optimizer: true").find("plan.offload_optimizer: the node custom has no pcie") !=
        std::string::npos);
  CHECK(faults_of(pcie, "offload_activations: true").find("plan.offload_activations: the node custom has no host") !=
        std::string::npos);
  const std::string small = pcie + ", host: {memory: 100 MB, bandwidth: 20 GB/s}";
  CHECK(faults_of(small, "offload_optimizer: true").find("does not fit in the host memory of node 0") !=
        std::string::npos);
  CHECK(faults_of(pcie + ", host: {memory: 1 GB, bandwidth: 20 GB/s}", "offload_optimizer: true") == "");
}
