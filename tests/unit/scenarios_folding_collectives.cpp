// What makes a run small must not change its answer, whatever algorithm carries the collectives out: each against the
// run of every GPU and every call, within 1e-9.
#include <doctest/doctest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "tests/unit/scenarios_support.hpp"

using namespace rehearse;
using namespace rehearse::testing;

namespace {

struct Place {
  std::string name, cluster;
  int tensor = 1, data = 1;
  bool switches = false;  ///< that compute
  std::string protocol = "auto";
};

const std::vector<Place> places{
    {"tensor groups in nodes of four, data groups over two nodes that share NICs",
     "{node: {base: dgx-a100, gpus: 4, nic: {count: 2}}, nodes: 2}", 4, 2},
    {"tensor groups of six that begin in one node and end in the next",
     "{node: {base: dgx-a100, gpus: 4, nic: {count: 4}}, nodes: 3, fabric: {topology: fat_tree, radix: 6}}", 6, 2},
    {"tensor groups of three, data groups of four", "{node: {base: dgx-a100, gpus: 3, nic: {count: 3}}, nodes: 4}", 3,
     4},
    {"a node with a switch that computes", "{node: dgx-h100, nodes: 1}", 8, 1, true},
    {"two nodes with switches that compute", "{node: {base: dgx-h100, gpus: 4, nic: {count: 4}}, nodes: 2}", 8, 1,
     true},
    {"pipelines of many chunks",
     "{node: {base: dgx-h100, gpus: 3, nic: {count: 3}, collectives: {protocols: {simple: {chunk: 16 KiB}}}}, nodes: "
     "2}",
     6, 1, true, "simple"},
    {"a torus of single GPUs", "{node: torus-node, nodes: 6, fabric: {topology: torus, dimensions: [2, 3]}}", 3, 2},
};

/// `plan`, `rows`: more entries of `plan` and of `collectives`, each with a comma before it.
Scenario scenario_of(const Place& place, const std::string& plan, const std::string& protocol, const std::string& rows,
                     Fidelity fidelity) {
  const int heads = place.tensor;
  return read_scenario(parse_yaml(
      fmt::format("name: test\nmodel: {{layers: 1, hidden: {}, heads: {}, vocab: {}, seq_len: {}}}\ncluster: {}\n"
                  "plan: {{tensor: {}, data: {}, global_batch: {}{}}}\ncollectives: {{protocol: {}{}}}\nfidelity: {}\n",
                  64 * heads, heads, 100 * heads, 32 * heads, place.cluster, place.tensor, place.data, 2 * place.data,
                  plan, protocol, rows, fidelity_name(fidelity)),
      "test.yaml"));
}

struct Outcome {
  double time = 0;
  bool reused = false;  ///< some collective was taken from one replay
};

/// The run of every GPU and call, and the small ones against it and against each other.
Outcome check_shortcuts(const Scenario& scenario) {
  REQUIRE(check_plan_of(scenario).empty());
  const Run exact = run_scenario(scenario, SimulationOptions::exact());
  CHECK(exact.faults == "");
  CHECK(exact.gpus.size() == scenario.cluster.gpu_count());
  const Run reused = run_scenario(scenario);
  const Run unused = run_scenario(scenario, {.merge_kernels = true, .reuse_collectives = false, .fold = true});
  for (const Run& run : {reused, unused}) {
    CHECK(run.faults == "");
    CHECK(differences(run, exact) == "");
  }
  CHECK(unused.replayed == 0);
  CHECK(std::abs(reused.time - unused.time) <= 1e-9 * unused.time);
  return {exact.time, reused.replayed > 0};
}

}  // namespace

TEST_CASE("folding is exact with every all_reduce, in groups of every kind") {
  std::map<std::string, std::set<double>> times;
  int runs = 0, reused = 0;
  for (const CollectiveRow& row : collective_table(CollectiveOp::all_reduce))
    for (const Place& place : places) {
      if (row.traits.needs_switch && !place.switches) continue;
      const Fidelity fidelity = runs % 2 == 0 ? Fidelity::flow : Fidelity::fluid;  // each place, each row by turns
      CAPTURE(row.name);
      CAPTURE(place.name);
      CAPTURE(fidelity_name(fidelity));
      const Outcome outcome =
          check_shortcuts(scenario_of(place, "", place.protocol, fmt::format(", all_reduce: {}", row.name), fidelity));
      ++runs, reused += outcome.reused ? 1 : 0;
      times[place.name].insert(outcome.time);
    }
  CHECK(reused == runs);
  for (const auto& [place, different] : times) {  // the scenario's row is what was simulated
    CAPTURE(place);
    CHECK(different.size() >= 7);
  }
}

TEST_CASE("folding is exact with every all_gather and reduce_scatter, in the open and under the backward pass") {
  const auto gathers = collective_table(CollectiveOp::all_gather).names();
  const auto scatters = collective_table(CollectiveOp::reduce_scatter).names();
  REQUIRE(gathers == scatters);
  int runs = 0, reused = 0;
  for (const std::string& row : gathers)
    for (const Place& place : places) {
      if (row == "in_switch" && !place.switches) continue;
      CAPTURE(row);
      CAPTURE(place.name);
      const std::string rows = fmt::format(", all_gather: {}, reduce_scatter: {}", row, row);
      for (const Fidelity fidelity : {Fidelity::flow, Fidelity::fluid}) {
        CAPTURE(fidelity_name(fidelity));
        const bool overlap = place.data > 1 && fidelity == Fidelity::fluid;
        const std::string plan =
            fmt::format(", sequence_parallel: true, zero: 1, overlap_grad_reduce: {}, bucket_size: 20 kB", overlap);
        ++runs, reused += check_shortcuts(scenario_of(place, plan, place.protocol, rows, fidelity)).reused ? 1 : 0;
      }
    }
  CHECK(reused > runs / 2);
  CHECK(reused < runs);  // those that share links with others, too
}

TEST_CASE("folding is exact with every protocol, on 1 to 4 nodes, what is left to be chosen") {
  const std::string node = "{base: dgx-a100, gpus: 4, nic: {count: 2}}";
  for (const int nodes : {1, 2, 3, 4})
    for (const std::string protocol : {"auto", "none", "ll", "ll128", "simple"}) {
      const Place place{"", fmt::format("{{node: {}, nodes: {}}}", node, nodes), nodes == 3 ? 3 : 4,
                        nodes == 3 ? 4 : nodes};
      CAPTURE(nodes);
      CAPTURE(protocol);
      check_shortcuts(scenario_of(place, "", protocol, "", Fidelity::automatic));
    }
}
