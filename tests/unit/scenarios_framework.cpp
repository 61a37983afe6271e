// Whole runs under a framework: what its costs add to an iteration, in closed form.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "tests/support/relative.hpp"
#include "tests/unit/scenarios_bare.hpp"
#include "workloads/framework_kernels.hpp"

using namespace rehearse;
using namespace rehearse::testing;

namespace {

/// With an output layer of its own: each parameter is gathered once in a pass.
const std::string untied =
    "model: {layers: 2, hidden: 512, heads: 8, vocab: 1024, seq_len: 256, tied_embeddings: false}";

std::string yaml_of(int nodes, const std::string& plan, const std::string& framework) {
  return fmt::format(
      "name: framed\n{}\ncluster: {{node: {}, nodes: {}, fabric: {{topology: switch}}}}\n"
      "plan: {{clip_gradients: false, {}}}\nframework: {}\n",
      untied, bare, nodes, plan, framework);
}

double time_of(int nodes, const std::string& plan, const std::string& framework) {
  return run_of(yaml_of(nodes, plan, framework)).time;
}

double stepping(const Run& run) { return run.gpus.begin()->second.breakdown[5]; }

struct Issued {
  double first = 0, launches = 0;  ///< of the first kernel, and of all
  double last = 0, longest = 0;    ///< times
};

/// Of the kernels of a pass, on the first device.
Issued issued(const Scenario& scenario, const Steps& steps) {
  Issued out;
  for (const Step& step : steps)
    if (const auto* kernel = std::get_if<KernelStep>(&step)) {
      if (out.launches == 0) out.first = static_cast<double>(kernel->kernel.launches());
      out.launches += static_cast<double>(kernel->kernel.launches());
      out.last = scenario.cluster.device(0).sustained_time(kernel->kernel).value();
      out.longest = std::max(out.longest, out.last);
    }
  return out;
}

double time_of(const Scenario& scenario, StreamKind kind, std::int64_t bytes, std::int64_t launches) {
  return scenario.cluster.device(0).sustained_time({.work = Stream{kind, Bytes(bytes), launches}}).value();
}

}  // namespace

TEST_CASE("framework: a host slower than every kernel: launches times its time, and the last kernel of each pass") {
  constexpr double forward = 2e-3, backward = 1.5e-3;
  for (const int micro_batches : {1, 3}) {
    const std::string plan = fmt::format("global_batch: {}", micro_batches);
    const Run ideal = run_of(yaml_of(1, plan, "ideal"));
    const Scenario scenario = scenario_of(yaml_of(1, plan, "{host: {forward: 2 ms, backward: 1.5 ms}}"));
    const Job& job = scenario.jobs.front();
    const Issued there = issued(scenario, forward_steps(job.model, job.plan, 0)),
                 back = issued(scenario, backward_steps(job.model, job.plan, 0));
    REQUIRE(std::max({there.longest, back.longest, stepping(ideal)}) < backward);
    const Run run = run_of(yaml_of(1, plan, "{host: {forward: 2 ms, backward: 1.5 ms}}"));
    const double passes = there.launches * forward + there.last + back.launches * backward + back.last;
    CHECK(run.time == relative(micro_batches * passes + forward + stepping(ideal), 1e-9));
  }
}

TEST_CASE("framework: a host faster than every kernel is seen once a pass: for the launches of its first kernel") {
  const Scenario scenario = scenario_of(yaml_of(1, "global_batch: 3", "ideal"));
  const double issue = scenario.cluster.device(0).launch_overhead.value() / 2;
  REQUIRE(issue > 1e-8);
  const double with =
      time_of(1, "global_batch: 3", fmt::format("{{host: {{forward: {0} s, backward: {0} s}}}}", issue));
  const double without = time_of(1, "global_batch: 3", "ideal");
  const Job& job = scenario.jobs.front();
  const double launches = 3 * issued(scenario, forward_steps(job.model, job.plan, 0)).first +
                          3 * issued(scenario, backward_steps(job.model, job.plan, 0)).first + 1;  // the optimizer's
  CHECK(with - without == relative(launches * issue, 1e-6));
}

TEST_CASE("framework: before each micro batch, and once in an iteration") {
  for (const int micro_batches : {1, 4}) {
    const std::string plan = fmt::format("global_batch: {}", micro_batches);
    const double ideal = time_of(1, plan, "ideal");
    CHECK(time_of(1, plan, "{host: {micro_batch: 3 ms}}") - ideal == relative(micro_batches * 3e-3, 1e-6));
    CHECK(time_of(1, plan, "{iteration: 3 ms}") - ideal == relative(3e-3, 1e-6));
    const std::string stages = plan + ", pipeline: 2";
    CHECK(time_of(2, stages, "{iteration: 3 ms}") - time_of(2, stages, "ideal") == relative(3e-3, 1e-6));
  }
}

TEST_CASE("framework: messages: each that a stage waits for; of 1F1B those to the two stages are beside each other") {
  for (const int micro_batches : {1, 4})
    for (const auto& [schedule, messages] : {std::pair{"gpipe", 2 * micro_batches}, {"1f1b", micro_batches + 1}}) {
      const std::string plan = fmt::format("global_batch: {}, pipeline: 2, schedule: {}", micro_batches, schedule);
      const double ten = time_of(2, plan, "{host: {message: 10 ms}}"),
                   thirty = time_of(2, plan, "{host: {message: 30 ms}}");
      REQUIRE(time_of(2, plan, "ideal") < 10e-3 * micro_batches);  // so that nothing but messages is waited for
      CHECK(thirty - ten == relative(messages * 20e-3, 1e-6));
    }
}

TEST_CASE("framework: sharding costs every gather and reduction of whole tensors, seen where nothing is ahead") {
  constexpr int ranks = 4;
  for (const int micro_batches : {1, 2})
    for (const int shards : {ranks, 2}) {
      const auto plan = [&](int prefetch) {
        return fmt::format("data: {}, global_batch: {}, zero: 3, prefetch: {}, shard: {}", ranks, ranks * micro_batches,
                           prefetch, shards);
      };
      const Scenario scenario = scenario_of(yaml_of(ranks, plan(0), "ideal"));
      // All parameters: gathered in bf16 twice, and their gradients in fp32 cut into shards.
      const auto parameters = static_cast<double>(scenario.jobs.front().model.parameters());
      const double all = micro_batches * parameters * (2 + 2 + 4) / 10e9;
      const double seen = time_of(ranks, plan(0), "{sharding: 10 GB/s}") - time_of(ranks, plan(0), "ideal");
      const double ahead = time_of(ranks, plan(1), "{sharding: 10 GB/s}") - time_of(ranks, plan(1), "ideal");
      CHECK(ahead > 0);
      if (shards == ranks) {
        CHECK(seen == relative(all, 1e-6));
        CHECK(ahead < seen);
      } else {  // sums over those with the same share run beside some of the reductions, but beside no gather
        CHECK(seen > all * (2 + 2) / (2 + 2 + 4));
        CHECK(seen <= all);
      }
    }
}

TEST_CASE("framework: kernels of its own: a softmax in five, gradients added up") {
  const std::string plan = "micro_batch: 2, global_batch: 6";
  const Run ideal = run_of(yaml_of(1, plan, "ideal"));
  const Scenario scenario = scenario_of(yaml_of(1, plan, "{kernels: {softmax: 3}}"));
  const Model& m = scenario.jobs.front().model;
  const std::int64_t scores = 2 * m.heads * m.seq_len * m.seq_len;
  const double separate = time_of(scenario, StreamKind::softmax_forward, 36 * scores, 5) +
                          time_of(scenario, StreamKind::softmax_backward, 40 * scores, 5),
               fused = time_of(scenario, StreamKind::softmax_forward, 4 * scores, 1) +
                       time_of(scenario, StreamKind::softmax_backward, 6 * scores, 1);
  for (const int multiple : {0, 3})
    CHECK(time_of(1, plan, fmt::format("{{kernels: {{softmax: {}}}}}", multiple)) - ideal.time ==
          relative(3.0 * static_cast<double>(m.layers) * (separate - fused), 1e-6));
  CHECK(time_of(1, plan, "{kernels: {softmax: 16}}") == relative(ideal.time, 1e-12));
  for (const bool apart : {false, true}) {
    const std::int64_t bytes = apart ? 2 + 8 : 8 - 2, launches = apart ? 1 : 0, square = m.hidden * m.hidden;
    double sum = time_of(scenario, StreamKind::scale, bytes * m.vocab * m.hidden, launches);
    for (const std::int64_t squares : {3, 1, 4, 4})
      sum += static_cast<double>(m.layers) * time_of(scenario, StreamKind::scale, bytes * squares * square, launches);
    CHECK(time_of(1, plan, apart ? "{accumulation: separate}" : "{accumulation: fused}") - ideal.time ==
          relative(3 * sum, 1e-6));
  }
}

TEST_CASE("framework: an ideal one, by name, by default and key by key, changes nothing") {
  const std::string yaml = yaml_of(2, "pipeline: 2, global_batch: 4", "ideal");
  const Scenario scenario = scenario_of(yaml);
  const std::string without = yaml.substr(0, yaml.find("framework:"));
  CHECK(to_yaml(scenario.resolved) == to_yaml(scenario_of(without).resolved));
  CHECK(run_of(yaml).time == run_of(without).time);
}

TEST_CASE("framework: a resolved scenario has it key by key, and reads as the same; settings reach its keys") {
  const std::string yaml =
      yaml_of(1, "global_batch: 4", "{base: fsdp-2023, accumulation: fused, kernels: {softmax: 4}}");
  const Scenario scenario = scenario_of(yaml), again = read_scenario(scenario.resolved);
  CHECK(to_yaml(again.resolved) == to_yaml(scenario.resolved));
  CHECK(again.jobs.front().framework.iteration == scenario.jobs.front().framework.iteration);
  CHECK(again.jobs.front().framework.eager.separate);
  CHECK(again.jobs.front().plan.kernels.softmax == 4);
  const Scenario set = read_scenario(parse_yaml(yaml_of(1, "global_batch: 4", "ideal"), "test.yaml"),
                                     std::vector<std::string>{"framework.host.forward=7 us"});
  CHECK(set.jobs.front().framework.host.forward == Seconds(7e-6));
}

TEST_CASE("framework: merged, folded and replayed, its costs are those of a run without shortcuts") {
  const std::string framework =
      "{host: {forward: 9 us, backward: 8 us, micro_batch: 0.1 ms, message: 30 us}, kernels: {softmax: 3}, eager: "
      "{separate: true, autocast: true, recompute_stops_early: true}, accumulation: fused, sharding: 20 GB/s, "
      "iteration: 1 ms}";
  for (const std::string plan :
       {"data: 4, global_batch: 8, zero: 3, recompute: full",
        "data: 4, global_batch: 8, zero: 3, shard: 2, prefetch: 0",
        "pipeline: 2, data: 2, global_batch: 8, overlap_grad_reduce: true", "tensor: 2, data: 2, global_batch: 8"}) {
    CAPTURE(plan);
    const std::string yaml = yaml_of(4, plan, framework);
    const Run run = run_of(yaml);
    const Run exact = run_of(yaml, SimulationOptions::exact());
    CHECK(differences(run, exact) == "");
    CHECK(run.time > time_of(4, plan, "ideal") + 1e-3);
  }
}

TEST_CASE("framework: libraries of half the rate take twice as long, products and streams together as each alone") {
  const auto time = [](const std::string& framework) { return time_of(1, "global_batch: 2", framework); };
  const double whole = time("ideal"), products = time("{libraries: {products: 0.5}}") - whole,
               streams = time("{libraries: {streams: 0.5}}") - whole;
  CHECK(products > 0.1 * whole);
  CHECK(streams > 0.1 * whole);
  CHECK(products + streams == relative(whole, 1e-9));
  CHECK(time("{libraries: {products: 0.5, streams: 0.5}}") == relative(2 * whole, 1e-9));
}
