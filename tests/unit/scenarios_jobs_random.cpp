// Properties of several jobs on one cluster, over random small scenarios, always the same ones.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tests/support/dice.hpp"
#include "tests/unit/scenarios_support.hpp"

using namespace rehearse;
using namespace rehearse::testing;

namespace {

/// A cluster of one node type or two, and one to three jobs that need not fill it.
class Generator {
 public:
  explicit Generator(std::uint64_t seed) : dice_(seed) {}

  std::string scenario() {
    std::string yaml = draw_cluster() + "jobs:\n";
    const std::int64_t count = 1 + dice_.below(3);
    for (std::int64_t j = 0; j < count && free_ > 0; ++j) yaml += draw_job(j, count == 1);
    return yaml;
  }

 private:
  std::string node(std::int64_t gpus) {
    // ll128 where there is no ll: groups on node types of one name that still cannot do the same.
    const std::string library =
        dice_.one_in(4) ? ", collectives: {protocols: {ll: null}}, nic: {protocols: {ll: null}" : "";
    return fmt::format("{{base: {}, gpus: {}{}count: {}}}}}", dice_.word({"dgx-a100", "dgx-a100", "dgx-h100"}), gpus,
                       library.empty() ? ", nic: {" : library + ", ", dice_.divisor(gpus));
  }

  std::string draw_cluster() {
    const std::int64_t gpus = dice_.of<std::int64_t>({1, 2, 4}), nodes = 2 + dice_.below(3);
    const std::string fabric =
        dice_.one_in(4)
            ? "topology: switch"
            : fmt::format("topology: fat_tree, radix: {}, oversubscription: {}, routing: {}",
                          dice_.of<int>({8, 12, 16}), dice_.of<int>({1, 2, 3}), dice_.word({"d_mod_k", "ecmp"}));
    free_ = gpus * nodes;
    if (!dice_.one_in(3))
      return fmt::format("cluster: {{node: {}, nodes: {}, fabric: {{{}}}}}\n", node(gpus), nodes, fabric);
    const std::int64_t more = dice_.of<std::int64_t>({1, 2}) * gpus, first = 1 + dice_.below(nodes - 1);
    free_ = first * gpus + (nodes - first) * more;
    return fmt::format("cluster: {{groups: [{{node: {}, nodes: {}}}, {{node: {}, nodes: {}}}], fabric: {{{}}}}}\n",
                       node(gpus), first, node(more), nodes - first, fabric);
  }

  std::string draw_job(std::int64_t number, bool repeated) {
    const std::int64_t gpus = 1 + dice_.below(std::min<std::int64_t>(free_, 8));
    free_ -= gpus;
    const std::int64_t tensor = dice_.divisor(gpus), pipeline = dice_.divisor(gpus / tensor),
                       data = gpus / tensor / pipeline;
    // Sizes that ring channels do not divide, so that groups of one kind may be padded to different lengths.
    return fmt::format(
        "  - {{name: j{}, model: {{layers: {}, hidden: {}, heads: {}, ffn: {}, vocab: {}, seq_len: {}}}, plan: "
        "{{tensor: "
        "{}, pipeline: {}, data: {}, global_batch: {}, {}}}, placement: {}{}, fidelity: {}}}\n",
        number, pipeline * (1 + dice_.below(2)), tensor * 15, tensor, tensor * (60 + dice_.below(4)),
        100 + dice_.below(99), tensor * 16, tensor, pipeline, data, data * (1 + dice_.below(3)), draw_options(),
        draw_placement(), draw_times(repeated), dice_.word({"auto", "flow", "fluid"}));
  }

  std::string draw_options() {
    const auto flag = [&] { return dice_.one_in(3) ? "true" : "false"; };
    return fmt::format(
        "sequence_parallel: {}, zero: {}, overlap_grad_reduce: {}, bucket_size: {}, overlap_p2p: {}, "
        "scatter_gather: {}",
        flag(), dice_.below(2), flag(), dice_.word({"0 B", "10 kB", "100 kB"}), flag(), flag());
  }

  std::string draw_placement() {
    std::vector<std::string> order{"tensor", "data", "pipeline"};
    for (std::int64_t i = 3; i > 1; --i)
      std::swap(order[static_cast<std::size_t>(i - 1)], order[static_cast<std::size_t>(dice_.below(i))]);
    const std::string policy = dice_.word({"packed", "spread", "random", "random"});
    return fmt::format("{{policy: {}, unit: {}, order: [{}]{}}}", policy, dice_.word({"node", "gpu", "gpu"}),
                       fmt::join(order, ", "), policy == "random" ? fmt::format(", seed: {}", dice_.below(100)) : "");
  }

  std::string draw_times(bool repeated) {
    std::string out = dice_.one_in(3) ? fmt::format(", start: {} us", 1 + dice_.below(2000)) : "";
    if (repeated || dice_.one_in(3)) out += fmt::format(", iterations: {}", 1 + dice_.below(4));
    return out;
  }

  Dice dice_;
  std::int64_t free_ = 0;
};

/// The job on the same GPUs, with nobody else there.
Scenario only(const Scenario& all, std::size_t job) {
  Scenario alone = all;
  alone.jobs = {all.jobs[job]};
  alone.job_keys = {all.job_keys[job]};
  return alone;
}

/// Seconds that the GPUs of a job compute in an iteration, all together.
double computing(const Run& run, const Scenario& scenario, const Job& job) {
  double sum = 0;
  for (const auto& [number, gpu] : run.gpus)
    if (std::ranges::find(job.gpus, static_cast<std::uint32_t>(std::stoul(number))) != job.gpus.end())
      sum += gpu.members * (gpu.breakdown[0] + gpu.breakdown[5]);
  REQUIRE(scenario.cluster.gpu_count() >= job.gpus.size());
  return sum;
}

}  // namespace

TEST_CASE("random jobs: what is placed runs, obeys the rules, folds exactly, and is itself when alone") {
  constexpr int wanted = 30;
  // REHEARSE_SEED=N looks at other scenarios.
  const char* seed = std::getenv("REHEARSE_SEED");
  const std::uint64_t first = seed == nullptr ? 0 : std::strtoull(seed, nullptr, 10) * 1'000'000;
  int run = 0, folded = 0, slowed = 0;
  for (int tried = 0; run < wanted && tried < 4 * wanted; ++tried) {
    const std::string yaml = Generator(first + static_cast<std::uint64_t>(tried)).scenario();
    CAPTURE(yaml);
    const Scenario scenario = read_scenario(parse_yaml(yaml, "random.yaml"));
    if (!check_plan_of(scenario).empty()) continue;
    ++run;
    const Run exact = run_scenario(scenario, SimulationOptions::exact()), small = run_scenario(scenario);
    CHECK(exact.faults == "");
    CHECK(small.faults == "");
    CHECK(differences(small, exact) == "");
    folded += small.gpus.size() < exact.gpus.size() ? 1 : 0;
    for (std::size_t j = 0; j < scenario.jobs.size(); ++j) {
      const Job& job = scenario.jobs[j];
      const Run::JobFigures& beside = small.jobs.at(job.name);
      if (job.iterations > 0) CHECK(beside.iterations.size() == job.iterations);
      slowed += beside.together > beside.alone * (1 + 1e-6) ? 1 : 0;
      if (scenario.jobs.size() == 1) continue;
      const Scenario one = only(scenario, j);
      const Run lone = run_scenario(one);
      CHECK(lone.faults == "");
      CHECK(std::abs(lone.jobs.at(job.name).alone - beside.alone) <= 1e-9 * beside.alone);
      // Kernels take as long beside others: only communication may change.
      CHECK(std::abs(computing(lone, one, job) - computing(small, scenario, job)) <=
            1e-9 * static_cast<double>(job.gpus.size()) * beside.together);
    }
  }
  CHECK(run == wanted);
  if (seed != nullptr) return;
  CHECK(folded > 0);
  CHECK(slowed > 0);
}
