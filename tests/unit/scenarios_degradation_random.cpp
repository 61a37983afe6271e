// Degraded runs and live routings: folding, jobs beside each other, bounds, determinism.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/conditions.hpp"
#include "tests/support/dice.hpp"
#include "tests/support/faults.hpp"
#include "tests/support/relative.hpp"
#include "tests/unit/scenarios_support.hpp"

using namespace rehearse;
using namespace rehearse::testing;

namespace {

Scenario scenario_of(const std::string& yaml) { return read_scenario(parse_yaml(yaml, "test.yaml")); }

/// A cluster that is degraded, and a plan that fills it.
class Generator {
 public:
  explicit Generator(std::uint64_t seed) : dice_(seed) {}

  std::string scenario(bool changing) {
    const std::int64_t gpus = dice_.of<std::int64_t>({1, 2, 4}), nodes = 2 + dice_.below(3);
    // The rules have no count of what switches copy between nodes: of those of the H100 in gathers of ZeRO.
    const std::string node = dice_.word({"dgx-a100", "dgx-h100"});
    const std::string fabric = dice_.one_in(3) ? "topology: switch"
                               : dice_.one_in(4)
                                   ? fmt::format("topology: rail_optimized, spine: {}", dice_.one_in(2))
                                   : fmt::format("topology: fat_tree, radix: 12, oversubscription: {}, routing: {}",
                                                 dice_.of<int>({1, 2}), dice_.word({"d_mod_k", "ecmp"}));
    std::vector<std::string> entries;
    for (std::int64_t i = 1 + dice_.below(3); i > 0; --i) entries.push_back(entry(changing));
    const std::int64_t all = gpus * nodes, tensor = dice_.divisor(all), pipeline = dice_.divisor(all / tensor);
    return fmt::format(
        "cluster: {{node: {{base: {}, gpus: {}, nic: {{count: {}}}}}, nodes: {}, fabric: {{{}}}, degradation: [{}]}}\n"
        "model: {{layers: {}, hidden: {}, heads: {}, vocab: 512, seq_len: {}}}\nplan: {{tensor: {}, pipeline: {}, "
        "global_batch: {}, zero: {}, overlap_grad_reduce: {}}}\ncollectives: {{protocol: {}}}\nfidelity: {}\n",
        node, gpus, dice_.divisor(gpus), nodes, fabric, fmt::join(entries, ", "), 2 * pipeline, 32 * tensor, tensor,
        16 * tensor, tensor, pipeline, all / tensor / pipeline * (1 + dice_.below(3)),
        node == "dgx-h100" ? 0 : dice_.below(2), dice_.one_in(3), dice_.word({"auto", "auto", "simple"}),
        dice_.word({"auto", "flow", "fluid"}));
  }

 private:
  std::string entry(bool changing) {
    std::string out = dice_.word({"{link: '*', share: 0.2, bandwidth: 0.3",
                                  "{link: 'node*/nic*/*', share: 0.3, "
                                  "latency: 20 us",
                                  "{link: '*', share: 0.1, down: true", "{node: 1, slowdown: 1.4",
                                  "{gpu: '*', share: 0.4, slowdown: 1.2", "{node: 0, bandwidth: 0.5",
                                  "{gpu: '*', share: 0.5, slowdown: 1.1", "{switch: '*', share: 0.4, latency: 3 us"});
    if (out.find("share") != std::string::npos) out += fmt::format(", seed: {}", dice_.below(100));
    if (changing && !dice_.one_in(3)) {
      const std::int64_t from = dice_.below(600);
      out += fmt::format(", from: {} us", from);
      if (dice_.one_in(2)) out += fmt::format(", until: {} us", from + 1 + dice_.below(600));
    }
    return out + "}";
  }

  Dice dice_;
};

/// REHEARSE_SEED=N looks at other scenarios.
std::uint64_t first_seed() {
  const char* seed = std::getenv("REHEARSE_SEED");
  return seed == nullptr ? 0 : std::strtoull(seed, nullptr, 10) * 1'000'000;
}

/// The figures of a run; none where it is cut off.
std::optional<Run> run_unless_cut(const std::string& yaml, const SimulationOptions& options = {}) {
  try {
    const Scenario scenario = scenario_of(yaml);
    if (!check_plan_of(scenario).empty()) return std::nullopt;
    return run_scenario(scenario, options);
  } catch (const std::runtime_error& error) {
    const bool switches = contains(error.what(), " is down, which a collective in the switch goes by");
    CHECK((switches || contains(error.what(), "there is no way from node")));
    return std::nullopt;
  }
}

}  // namespace

TEST_CASE("random degradations from the start: folding, merging and reuse are exact") {
  constexpr int wanted = 25;
  int run = 0, folded = 0, cut = 0;
  for (std::uint64_t seed = first_seed(); run < wanted && cut < wanted; ++seed) {
    const std::string yaml = Generator(seed).scenario(false);
    CAPTURE(yaml);
    const std::optional<Run> small = run_unless_cut(yaml);
    const std::optional<Run> exact = run_unless_cut(yaml, SimulationOptions::exact());
    CHECK(small.has_value() == exact.has_value());
    if (!small || !exact) {
      ++cut;
      continue;
    }
    ++run;
    CHECK(small->faults == "");
    CHECK(exact->faults == "");
    CHECK(differences(*small, *exact) == "");
    folded += small->gpus.size() < exact->gpus.size() ? 1 : 0;
  }
  CHECK(run == wanted);
  CHECK(folded > wanted / 5);
}

TEST_CASE("degraded run: jitter of each is waited for by all, folded or not") {
  const auto yaml = [](const char* jitter) {
    return fmt::format(
        "cluster: {{node: dgx-a100, nodes: 1, degradation: [{}]}}\nmodel: {{layers: 2, hidden: 512, heads: 8, vocab: "
        "1024, seq_len: 256}}\nplan: {{tensor: 2, pipeline: 2, global_batch: 8}}\n",
        jitter);
  };
  const std::string jittered = yaml("{gpu: '*', jitter: 0.2}");
  const Run run = run_scenario(scenario_of(jittered));
  CHECK(run.faults == "");
  CHECK(run.gpus.size() == 8);
  CHECK(run.time > run_scenario(scenario_of(yaml(""))).time);
  CHECK(differences(run, run_scenario(scenario_of(jittered), SimulationOptions::exact())) == "");
}

TEST_CASE("random degradations that come and go: merging and reuse are exact, and the rules hold") {
  constexpr int wanted = 25;
  int run = 0, cut = 0;
  for (std::uint64_t seed = first_seed() + 1000; run < wanted && cut < wanted; ++seed) {
    const std::string yaml = Generator(seed).scenario(true);
    CAPTURE(yaml);
    const std::optional<Run> once = run_unless_cut(yaml);
    const std::optional<Run> exact = run_unless_cut(yaml, SimulationOptions::exact());
    CHECK(once.has_value() == exact.has_value());
    if (!once || !exact) {
      ++cut;
      continue;
    }
    ++run;
    CHECK(once->faults == "");
    CHECK(differences(*once, *exact) == "");
  }
  CHECK(run == wanted);
}

namespace {

const std::string bare = "{gpus: 1, device: a100-80gb-sxm, nic: {count: 1, bandwidth: 10 GB/s, latency: 0 us}}";

/// A job of two nodes that does little but reduce.
std::string pair_of(const std::string& name, const std::string& gpus) {
  return fmt::format(
      "  - {{name: {}, model: {{layers: 2, hidden: 512, heads: 8, vocab: 1024, seq_len: 256}}, plan: {{data: 2, "
      "global_batch: 2}}, placement: {{gpus: {}}}, collectives: {{all_reduce: ring, protocol: none}}, fidelity: flow, "
      "iterations: 1}}\n",
      name, gpus);
}

}  // namespace

TEST_CASE("degraded jobs: alone is what the job would be on the degraded cluster by itself") {
  const std::string head = "cluster: {node: " + bare +
                           ", nodes: 4, fabric: {topology: fat_tree, radix: 4}, degradation: [{switch: spine0, down: "
                           "true, from: 3 ms}, {gpu: 1, slowdown: 1.3, from: 100 us}, {link: 'node2/*', bandwidth: "
                           "0.7}, {link: 'node3/*', bandwidth: 0.5, until: 2 ms}]}\njobs:\n";
  const std::string a = pair_of("a", "[0, 2]"), b = pair_of("b", "[1, 3]");
  const Run both = run_scenario(scenario_of(head + a + b));
  CHECK(both.faults == "");
  for (const auto& [name, yaml] : {std::pair{"a", a}, {"b", b}}) {
    const Run lone = run_scenario(scenario_of(head + yaml));
    CHECK(lone.faults == "");
    CHECK(both.jobs.at(name).alone == relative(lone.jobs.at(name).end, 1e-9));
    CHECK(both.jobs.at(name).together > both.jobs.at(name).alone);
  }
}

// Endpoints 4 and 6 are both of spine 0 by d_mod_k, so that the two jobs share the cable up from their leaf.
TEST_CASE("live routings: flows that d_mod_k lets collide find ways of their own where they see each other") {
  const auto slowdowns = [](const std::string& routing) {
    const std::string yaml = "cluster: {node: " + bare +
                             ", nodes: 8, fabric: {topology: fat_tree, radix: 4, routing: " + routing + "}}\njobs:\n" +
                             pair_of("a", "[0, 4]") + pair_of("b", "[1, 6]");
    const Run run = run_scenario(scenario_of(yaml));
    CHECK(run.faults == "");
    std::vector<double> out;
    for (const auto& [name, job] : run.jobs) out.push_back(job.together / job.alone);
    return out;
  };
  for (const double slowdown : slowdowns("d_mod_k")) CHECK(slowdown > 1.5);
  for (const double slowdown : slowdowns("adaptive")) CHECK(slowdown == relative(1, 1e-9));
  // Endpoints 4 and 6 begin alike in turn: on the way back they collide.
  for (const double slowdown : slowdowns("round_robin")) CHECK(slowdown > 1.5);
}

TEST_CASE("live routings: runs obey the rules and are the same each time") {
  const auto yaml = [](const std::string& fabric, const std::string& fidelity) {
    return "cluster: {node: {base: dgx-a100, gpus: 2, nic: {count: 2}}, nodes: 9, fabric: {" + fabric +
           "}}\nmodel: {layers: 6, hidden: 256, heads: 4, vocab: 512, seq_len: 128}\nplan: {pipeline: 3, data: 6, "
           "global_batch: 12}\nplacement: {policy: random, seed: 2, unit: gpu}\nfidelity: " +
           fidelity + "\n";
  };
  const auto text = [](const std::string& of) {
    return in_child([&] {
      const Scenario scenario = scenario_of(of);
      const Result result = simulate(scenario);
      return RunText::write(result, ResultRules(scenario, result).broken(false));
    });
  };
  for (const std::string fidelity : {"flow", "fluid"})
    for (const char* fabric :
         {"topology: fat_tree, radix: 12, routing: adaptive", "topology: fat_tree, radix: 12, routing: round_robin",
          "topology: dragonfly, routing: ugal", "topology: dragonfly, routing: adaptive"}) {
      CAPTURE(fidelity);
      CAPTURE(fabric);
      const std::string once = text(yaml(fabric, fidelity));
      CHECK(once == text(yaml(fabric, fidelity)));
      const Run run = RunText::read(once);
      CHECK(run.faults == "");
      CHECK(run.gpus.size() == 18);
    }
}

TEST_CASE("live routings: links that are down are not taken") {
  const std::string head = "cluster: {node: " + bare + ", nodes: 8, fabric: {topology: fat_tree, radix: 4, routing: ";
  for (const char* routing : {"adaptive", "round_robin", "ugal"}) {
    CAPTURE(routing);
    const std::string tail =
        ", degradation: [{switch: spine1, down: true}]}\njobs:\n" + pair_of("a", "[0, 4]") + pair_of("b", "[1, 6]");
    const Run run = run_scenario(scenario_of(head + routing + "}" + tail));
    CHECK(run.faults == "");
    for (const auto& [link, bytes] : run.links)
      if (contains(link, "spine1")) CHECK(bytes == 0);
    for (const auto& [name, job] : run.jobs) CHECK(job.together > 1.5 * job.alone);
  }
}
