// A large cluster before anything is replayed: its network, and the routes of all flows of an iteration.
#include <benchmark/benchmark.h>

#include <string>

#include "scenarios/scenario.hpp"
#include "workloads/communication.hpp"

namespace {

using namespace rehearse;

/// GPT-3 175B on 4,096 A100 under a three-level fat tree.
std::string scenario_with(const std::string& routing) {
  return "cluster: {node: dgx-a100, nodes: 512, fabric: {topology: fat_tree, levels: 3, radix: 40, routing: " +
         routing +
         "}}\nmodel: gpt3-175b\nplan: {tensor: 8, pipeline: 8, data: 64, micro_batch: 1, global_batch: 1536, "
         "recompute: full}\n";
}

void network_and_routes(benchmark::State& state, const std::string& routing) {
  std::size_t links = 0, hops = 0, wires = 0;
  for (auto _ : state) {
    const Scenario scenario = read_scenario(parse_yaml(scenario_with(routing), "benchmark"), std::vector<Setting>{});
    const JobLayout layout(scenario.jobs, scenario.cluster);
    const Program program = build_program(scenario.jobs, layout, scenario.cluster, {});
    const Communication communication(scenario.jobs, program, scenario.cluster);
    links = scenario.cluster.links().size();
    wires = communication.wires().size();
    hops = 0;
    for (const Wire& wire : communication.wires()) hops += wire.route.size();
  }
  state.counters["links"] = static_cast<double>(links);
  state.counters["wires"] = static_cast<double>(wires);
  state.counters["hops"] = static_cast<double>(hops);
}
BENCHMARK_CAPTURE(network_and_routes, d_mod_k, "d_mod_k")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(network_and_routes, ecmp, "ecmp")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(network_and_routes, adaptive, "adaptive")->Unit(benchmark::kMillisecond);

}  // namespace
