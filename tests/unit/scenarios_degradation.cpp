// Degraded runs: closed forms of what links, nodes and GPUs that are slow or down do to an iteration.
#include <doctest/doctest.h>

#include <cmath>

#include <fmt/format.h>

#include "tests/support/faults.hpp"
#include "tests/support/relative.hpp"
#include "tests/unit/scenarios_bare.hpp"

using namespace rehearse;
using namespace rehearse::testing;

namespace {

constexpr std::size_t compute = 0, data_comm = 3, bubble = 4, optimizer = 5;

/// What the run throws.
std::string cut_off(const std::string& yaml) {
  try {
    run_scenario(scenario_of(yaml));
    return "it runs";
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

/// Data parallel over so many bare nodes on one switch: compute, then one all_reduce, then the optimizer.
std::string data_parallel(int nodes, const std::string& degradation, const char* fidelity = "flow") {
  return fmt::format(
      "cluster: {{node: {}, nodes: {}, fabric: {{topology: switch}}, degradation: [{}]}}\n{}\nplan: {{data: {}, "
      "global_batch: {}}}\ncollectives: {{all_reduce: ring, protocol: none}}\nfidelity: {}\n",
      bare, nodes, degradation, model, nodes, nodes, fidelity);
}

/// Seconds of the gradients of `model`, of 4 bytes each, over a port: an all_reduce of two.
double gradients_over_port() {
  return 4 * static_cast<double>(scenario_of(data_parallel(2, "")).jobs.front().model.parameters()) / port;
}

/// Two jobs of two bare nodes each, on nodes below two leaves with two spines above; each alone on a spine.
std::string two_pairs(const std::string& degradation, const char* fidelity = "flow") {
  const auto job = [&](const char* name, const char* gpus) {
    return fmt::format(
        "  - {{name: {}, {}, plan: {{data: 2, global_batch: 2}}, placement: {{gpus: {}}}, collectives: {{all_reduce: "
        "ring, protocol: none}}, fidelity: {}, iterations: 1}}\n",
        name, model, gpus, fidelity);
  };
  return fmt::format(
      "cluster: {{node: {}, nodes: 4, fabric: {{topology: fat_tree, radix: 4}}, degradation: [{}]}}\njobs:\n{}{}", bare,
      degradation, job("a", "[0, 2]"), job("b", "[1, 3]"));
}

constexpr const char* fidelities[] = {"flow", "fluid"};

}  // namespace

TEST_CASE("degraded run: a port at half its bandwidth, from the start and within the all_reduce") {
  const double whole = gradients_over_port();
  for (const char* fidelity : fidelities) {
    CAPTURE(fidelity);
    const Run base = run_of(data_parallel(2, "", fidelity));
    const auto& parts = base.gpus.begin()->second.breakdown;
    REQUIRE(parts[data_comm] == relative(whole, 1e-6));
    const std::string half = "{link: node0/nic0/up, bandwidth: 0.5";
    const Run slow = run_of(data_parallel(2, half + "}", fidelity));
    CHECK(slow.time - base.time == relative(whole, 1e-6));
    CHECK(slow.replayed == base.replayed);
    // What is left at the date takes twice as long.
    for (const double done : {0.1, 0.3, 0.5, 0.8}) {
      CAPTURE(done);
      const double date = parts[compute] + done * whole;
      const Run later = run_of(data_parallel(2, fmt::format("{}, from: {} s}}", half, date), fidelity));
      CHECK(later.time - base.time == relative((1 - done) * whole, 1e-6));
      CHECK(later.gpus.at("0").breakdown[compute] == relative(parts[compute], 1e-9));
      const Run before = run_of(data_parallel(2, fmt::format("{}, until: {} s}}", half, date), fidelity));
      CHECK(before.time - base.time == relative(done * whole / 2, 1e-6));
    }
    const Run between = run_of(data_parallel(
        2,
        fmt::format("{}, from: {} s, until: {} s}}", half, parts[compute] + 0.2 * whole, parts[compute] + 0.6 * whole),
        fidelity));
    CHECK(between.time - base.time == relative(0.2 * whole, 1e-6));
  }
}

TEST_CASE("degraded run: flows of a spine that goes down share the other") {
  const double whole = gradients_over_port();
  const Cluster cluster = scenario_of(two_pairs("")).cluster;
  const auto spine = cluster.links()[index(cluster.route(0, 2)[1])].name;  // "fabric/leaf0->spine0"
  REQUIRE(cluster.route(0, 2)[1] != cluster.route(1, 3)[1]);
  for (const char* fidelity : fidelities) {
    CAPTURE(fidelity);
    const Run base = run_of(two_pairs("", fidelity));
    const double start = base.gpus.begin()->second.breakdown[compute];
    for (const double done : {0.0, 0.25, 0.7}) {
      CAPTURE(done);
      const std::string from = done > 0 ? fmt::format(", from: {} s", start + done * whole) : "";
      const Run run = run_of(two_pairs(fmt::format("{{link: {}, down: true{}}}", spine, from), fidelity));
      for (const auto& [name, job] : run.jobs) {
        CHECK(job.alone == relative(base.time, 1e-9));  // the way over the other spine is as good, where it is free
        CHECK(job.together - job.alone == relative((1 - done) * whole, 1e-6));
      }
      if (done > 0) CHECK(run.links.at(spine) == relative(done * whole * port, 1e-6));
    }
  }
}

// A flow keeps the way that it has found: the message that was under way shares to its end, the one after it does not.
TEST_CASE("degraded run: a spine that comes back is used by what starts then") {
  const double whole = gradients_over_port();
  const double start = run_of(two_pairs("")).gpus.begin()->second.breakdown[compute];
  const Cluster cluster = scenario_of(two_pairs("")).cluster;
  const Run run = run_of(two_pairs(fmt::format("{{link: {}, down: true, from: {} s, until: {} s}}",
                                               cluster.links()[index(cluster.route(0, 2)[1])].name, start + 0.3 * whole,
                                               start + 0.6 * whole)));
  for (const auto& [name, job] : run.jobs) CHECK(job.together - job.alone == relative(0.2 * whole, 1e-6));
}

TEST_CASE("degraded run: every step pays an added latency") {
  constexpr double added = 10e-3;
  const std::string late = "{link: node0/nic0/up, latency: 10 ms";
  for (const char* fidelity : fidelities) {
    CAPTURE(fidelity);
    const double base = run_of(data_parallel(2, "", fidelity)).time;
    // Two steps, and the slower message of each is sent when that of the step before has come.
    CHECK(run_of(data_parallel(2, late + "}", fidelity)).time - base == relative(2 * added, 1e-6));
  }
  const double base = run_of(data_parallel(2, "")).time, whole = gradients_over_port();
  const double start = run_of(data_parallel(2, "")).gpus.at("0").breakdown[compute];
  CHECK(run_of(data_parallel(2, late + ", from: 1 us}")).time - base == relative(2 * added, 1e-6));
  // A message keeps the latency that it started with.
  CHECK(run_of(data_parallel(2, fmt::format("{}, from: {} s}}", late, start + 0.25 * whole))).time - base ==
        relative(added, 1e-6));
  // Six hops of a ring of four cross its two late ones four times at most. What is added later holds up the sender too.
  const double ring = run_of(data_parallel(4, "")).time;
  CHECK(run_of(data_parallel(4, late + "}")).time - ring == relative(4 * added, 1e-6));
  CHECK(run_of(data_parallel(4, late + ", from: 1 us}")).time - ring == relative(6 * added, 1e-6));
}

TEST_CASE("degraded run: all wait for a GPU that is slow") {
  const Run base = run_of(data_parallel(4, ""));
  const auto& parts = base.gpus.begin()->second.breakdown;
  const double kernels = parts[compute], steps = parts[optimizer];
  const Run slow = run_of(data_parallel(4, "{gpu: 2, slowdown: 1.3}"));
  CHECK(slow.time - base.time == relative(0.3 * (kernels + steps), 1e-9));
  CHECK(slow.gpus.at("2").breakdown[compute] == relative(1.3 * kernels, 1e-9));
  CHECK(slow.gpus.at("2").breakdown[bubble] == doctest::Approx(0).scale(1e-9 * base.time));
  CHECK(slow.gpus.at("0").breakdown[bubble] == relative(0.3 * (kernels + steps), 1e-6));
  CHECK(run_of(data_parallel(4, "{node: 2, slowdown: 1.3}")).time == relative(slow.time, 1e-12));
  for (const bool merged : {true, false})
    for (const double part : {0.1, 0.5, 0.95}) {
      CAPTURE(part);
      const SimulationOptions options{merged, true, true};
      const double date = part * kernels;
      const auto with = [&](const char* when) {
        return run_of(data_parallel(4, fmt::format("{{gpu: 2, slowdown: 1.3, {}: {} s}}", when, date)), options).time;
      };
      CHECK(with("from") - base.time == relative(0.3 * (kernels - date + steps), 1e-6));
      // By the date it has done date / 1.3.
      CHECK(with("until") - base.time == relative(date - date / 1.3, 1e-6));
    }
}

TEST_CASE("degraded run: jitter has mean 1, its deviation, and is drawn by its seed") {
  const auto yaml = [](const std::string& degradation) {
    return fmt::format(
        "cluster: {{node: {}, nodes: 1, degradation: [{}]}}\nmodel: {{layers: 40, hidden: 256, heads: 4, vocab: 512, "
        "seq_len: 128}}\nplan: {{global_batch: 4}}\n",
        bare, degradation);
  };
  const auto durations = [&](const std::string& degradation) {
    return in_child([&, scenario = scenario_of(yaml(degradation))] {
      const Result r = simulate(scenario, {false, true, true});
      std::vector<double> out;
      for (std::size_t i = 0; i < r.schedule.ops().size(); ++i)
        if (r.schedule.ops()[i].type == OpType::compute) out.push_back(r.schedule.ops()[i].amount);
      return out;
    });
  };
  const std::vector<double> base = durations("");
  double sum = 0, squares = 0, count = 0;
  const std::vector<double> jittered = durations("{gpu: 0, jitter: 0.05, seed: 1}");
  REQUIRE(jittered.size() == base.size());
  for (std::size_t i = 0; i < base.size(); ++i) {
    if (!(base[i] > 0)) continue;
    const double factor = jittered[i] / base[i];
    CHECK(factor > 0.7);
    CHECK(factor < 1.4);
    sum += factor, squares += factor * factor, ++count;
  }
  REQUIRE(count > 3000);
  const double mean = sum / count;
  CHECK(std::abs(mean - 1) < 4 * 0.05 / std::sqrt(count));
  // The standard error of a deviation of so many is 0.7 of its root.
  CHECK(std::sqrt(squares / count - mean * mean) == relative(0.05, 4 * 0.71 / std::sqrt(count)));
  CHECK(durations("{gpu: '*', jitter: 0.05, seed: 1}") == jittered);
  CHECK(durations("{gpu: 0, jitter: 0.05, seed: 2}") != jittered);
  const std::string jitter = "{gpu: '*', jitter: 0.05, seed: 1}";
  const double merged = run_of(yaml(jitter)).time, unmerged = run_of(yaml(jitter), SimulationOptions::exact()).time;
  CHECK(merged == relative(unmerged, 1e-9));
  CHECK(run_of(yaml(jitter)).time == merged);
}

TEST_CASE("degraded run: a node that is down") {
  const auto yaml = [](const std::string& degradation, const std::string& more) {
    return "cluster: {node: {base: dgx-a100, gpus: 2, nic: {count: 2}}, nodes: 4, fabric: {topology: fat_tree, radix: "
           "4}, degradation: [" +
           degradation + "]}\n" + model + "\n" + more;
  };
  const std::string down = "{node: 1, down: true}", late = "{node: 1, down: true, from: 1 us}";
  const std::string four = "plan: {tensor: 2, data: 2, global_batch: 4}\nplacement: packed\n";
  CHECK(scenario_of(yaml(down, four)).jobs.front().gpus == std::vector<std::uint32_t>{0, 1, 4, 5});
  CHECK(run_of(yaml(down, four)).gpus.size() > 0);
  const auto refused = [&](const std::string& more) {
    return faults_of([&] {
      if (std::vector<Fault> faults = check_plan_of(scenario_of(yaml(down, more))); !faults.empty())
        throw InputError(std::move(faults));
    });
  };
  CHECK(contains(refused("plan: {tensor: 2, data: 4, global_batch: 4}\nplacement: packed\n"),
                 "plan: the plan needs 8 GPUs, but of the cluster's 8 only 6 are free"));
  CHECK(contains(refused("plan: {tensor: 2, data: 4, global_batch: 4}\n"), "but of the cluster's 8 only 6 are free"));
  CHECK(contains(refused("plan: {tensor: 2, data: 2, global_batch: 4}\n"), "4 GPUs, but the cluster has 8"));
  CHECK(scenario_of(yaml(down, "plan: {tensor: 2, global_batch: 6}\n")).jobs.front().gpus ==
        std::vector<std::uint32_t>{0, 1, 4, 5, 6, 7});
  CHECK(contains(refused("plan: {tensor: 2, global_batch: 2}\nplacement: {gpus: [2, 3]}\n"),
                 "GPU 2 is taken: another job has it, or it is down"));
  CHECK(contains(cut_off(yaml(late, four)), "from 1 us on node1 is down, with a GPU of the job"));
  const std::string elsewhere = "plan: {tensor: 2, data: 2, global_batch: 4}\nplacement: {gpus: [0, 1, 4, 5]}\n";
  CHECK(run_of(yaml(late, elsewhere)).time == relative(run_of(yaml("", elsewhere)).time, 1e-9));
}

TEST_CASE("degraded run: what begins when all is over changes nothing") {
  for (const char* what : {"node: 0, down: true", "link: '*', bandwidth: 0.1", "gpu: '*', slowdown: 9",
                           "switch: '*', down: true", "link: '*', latency: 1 s"})
    for (const char* fidelity : fidelities) {
      CAPTURE(what);
      const std::string degradation = fmt::format("{{{}, from: 1000 s}}", what);
      const Run run = run_of(data_parallel(4, degradation, fidelity)), whole = run_of(data_parallel(4, "", fidelity));
      CHECK(differences(run, run_of(data_parallel(4, "", fidelity), SimulationOptions::exact())) == "");
      CHECK(run.gpus.size() == 4);
      CHECK(whole.gpus.size() == 1);
    }
}

TEST_CASE("degraded run: collectives in the switch of a node whose links are down or late") {
  const auto yaml = [](const std::string& degradation) {
    return "cluster: {node: dgx-h100, nodes: 1, degradation: [" + degradation + "]}\n" + model +
           "\nplan: {tensor: 8, global_batch: 1}\ncollectives: {all_reduce: in_switch, protocol: none}\n";
  };
  const auto algorithms = [](const std::string& of) {
    return in_child([scenario = scenario_of(of)] {
      std::string out;
      for (const SimulatedGpu& gpu : simulate(scenario).gpus)
        for (const CollectiveUse& use : gpu.collectives) out += fmt::format("{}:{} ", gpu.node, use.algorithm);
      return out;
    });
  };
  const Run base = run_of(yaml(""));
  CHECK(contains(algorithms(yaml("")), "0:in_switch"));
  // One step up and one down, of each of as many calls as there are.
  const Run late = run_of(yaml("{link: 'node0/gpu*/nvlink/up', latency: 10 us}"));
  const double calls = std::round((late.time - base.time) / 20e-6);
  CHECK(calls > 1);
  CHECK(late.time - base.time == relative(20e-6 * calls, 1e-3));
  CHECK(run_of(yaml("{link: 'node0/gpu*/nvlink/up', latency: 10 us, from: 1 ns}")).time == relative(late.time, 1e-9));
  const std::string down = "{link: node0/gpu2/nvlink/up, down: true";
  CHECK(contains(cut_off(yaml(down + ", from: 100 us}")),
                 "from 100 us on node0/gpu2/nvlink/up is down, which a collective in the switch goes by"));
  // From the start the node's GPUs do without their switch, and the others keep theirs.
  const std::string large =
      "model: {layers: 1, hidden: 4096, heads: 32, vocab: 1024, seq_len: 2048}\nplan: {tensor: 8, global_batch: 2}\n";
  const auto chosen = [&](const std::string& degradation) {
    return algorithms("cluster: {node: dgx-h100, nodes: 2, degradation: [" + degradation + "]}\n" + large);
  };
  CHECK(contains(chosen(""), "0:in_switch"));
  CHECK_FALSE(contains(chosen(down + "}"), "0:in_switch"));
  CHECK(contains(chosen(down + "}"), "1:in_switch"));
}
