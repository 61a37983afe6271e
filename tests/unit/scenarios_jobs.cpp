// Jobs beside each other: closed forms of what they do to each other, and of iterations, orders and node types.
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>

#include <fmt/format.h>

#include "tests/support/faults.hpp"
#include "tests/support/relative.hpp"
#include "tests/unit/scenarios_bare.hpp"

using namespace rehearse;
using namespace rehearse::testing;

namespace {

/// Seconds of the gradients of `model`, of 4 bytes each, over a port.
double gradients_over_port(const std::string& yaml) {
  return 4 * static_cast<double>(scenario_of(yaml).jobs.front().model.parameters()) / port;
}

/// Data parallel over two of the bare nodes, a message of the network alone at a time.
std::string pair_job(const std::string& name, const std::string& gpus, const std::string& more, const char* fidelity) {
  return fmt::format(
      "  - {{name: {}, {}, plan: {{data: 2, global_batch: 2}}, placement: {{gpus: {}}}, collectives: {{all_reduce: "
      "ring, protocol: none}}, fidelity: {}{}}}\n",
      name, model, gpus, fidelity, more);
}

std::string pairs(const std::string& fabric, const std::string& first, const std::string& second,
                  const std::string& more_first, const std::string& more_second, const char* fidelity) {
  return fmt::format("cluster: {{node: {}, nodes: 4, fabric: {{{}}}}}\njobs:\n{}{}", bare, fabric,
                     pair_job("a", first, more_first, fidelity), pair_job("b", second, more_second, fidelity));
}

/// Leaves of two nodes with one cable up, which both jobs of pairs take: as fast as a port, for two of them.
const std::string halved = "topology: fat_tree, radix: 3, oversubscription: 2";

const SimulationOptions unfolded{true, true, false};

}  // namespace

TEST_CASE("jobs: those that share no link do not know of each other") {
  for (const char* fidelity : {"flow", "fluid"}) {
    const Run run = run_of(pairs("topology: switch", "[0, 1]", "[2, 3]", "", "", fidelity));
    for (const auto& [name, job] : run.jobs) CHECK(job.together == relative(job.alone, 1e-9));
    CHECK(run.jobs.at("a").together == relative(run.jobs.at("b").together, 1e-9));
  }
}

// Each is alone on the up-link until the other comes or after it has gone, and has half of it in between (max-min
// fairness). Of n bytes at rate B, with the other `s` later: s B bytes alone and the rest at B / 2 is 2 n / B - s in
// all, n / B - s more than alone; and the other way round for the later one.
TEST_CASE("jobs: two all_reduces on one cable, one behind the other by an offset") {
  const std::string at_once = pairs(halved, "[0, 2]", "[1, 3]", "", "", "flow");
  const Cluster cluster = scenario_of(at_once).cluster;
  REQUIRE(cluster.route(0, 2)[1] == cluster.route(1, 3)[1]);
  const double whole = gradients_over_port(at_once);
  for (const char* fidelity : {"flow", "fluid"})
    for (const double offset : {0.0, 0.25, 0.5, 0.9, 1.0, 1.5}) {
      CAPTURE(fidelity);
      CAPTURE(offset);
      const std::string late = fmt::format(", start: {} s, iterations: 1", offset * whole);
      const std::string yaml = pairs(halved, "[0, 2]", "[1, 3]", ", iterations: 1", late, fidelity);
      const Run run = run_of(yaml);
      for (const auto& [name, job] : run.jobs) {
        CHECK(job.alone > whole);
        CHECK(job.together - job.alone ==
              doctest::Approx(whole * std::max(0.0, 1 - offset)).epsilon(1e-6).scale(whole));
      }
      CHECK(differences(run, run_of(yaml, SimulationOptions::exact())) == "");
    }
}

TEST_CASE("jobs: one that begins when the other has ended is as if it were alone") {
  const double alone = run_of(pairs(halved, "[0, 2]", "[1, 3]", "", "", "flow")).jobs.at("a").alone;
  const Run run = run_of(pairs(halved, "[0, 2]", "[1, 3]", ", iterations: 1",
                               fmt::format(", start: {} s, iterations: 1", alone * 1.001), "flow"));
  for (const auto& [name, job] : run.jobs) {
    CHECK(job.alone == relative(alone, 1e-9));
    CHECK(job.together == relative(alone, 1e-9));
  }
  CHECK(run.jobs.at("b").start == relative(alone * 1.001, 1e-9));
  CHECK(run.jobs.at("b").end == relative(alone * 2.001, 1e-9));
}

TEST_CASE("jobs: a list of one is the same as no list") {
  const std::string head = "name: one\ncluster: {node: dgx-a100, nodes: 2, fabric: {topology: switch}}\n";
  const std::string tensor = "plan: {tensor: 4, pipeline: 2, data: 2, global_batch: 8, zero: 1}";
  const Run plain = run_of(head + model + "\n" + tensor + "\n");
  const Run listed = run_of(head + "jobs: [{name: one, " + model + ", " + tensor + "}]\n");
  CHECK(differences(listed, plain) == "");
  CHECK(listed.gpus.size() == plain.gpus.size());
  CHECK(listed.ops == plain.ops);
  const auto memory = [](const std::string& yaml) {
    return in_child([&] {
      const Result result = simulate(scenario_of(yaml));
      std::vector<double> out{static_cast<double>(result.memory.peak.value())};
      for (const MemoryPart& part : result.memory.parts) out.push_back(static_cast<double>(part.bytes.value()));
      for (const double part : values(result.breakdown)) out.push_back(part);
      return out;
    });
  };
  CHECK(memory(head + model + "\n" + tensor + "\n") == memory(head + "jobs: [{" + model + ", " + tensor + "}]\n"));
}

TEST_CASE("jobs: iterations follow each other") {
  const auto yaml = [](const std::string& plan, const std::string& more) {
    return "cluster: {node: dgx-a100, nodes: 1}\njobs: [{name: a, " + model + ", plan: {" + plan + "}" + more + "}]\n";
  };
  for (const char* plan : {"tensor: 8, global_batch: 2", "tensor: 2, data: 4, global_batch: 8, zero: 1",
                           "data: 8, global_batch: 16, overlap_grad_reduce: true, bucket_size: 1 MB"}) {
    CAPTURE(plan);
    const double once = run_of(yaml(plan, "")).time;
    const Run thrice = run_of(yaml(plan, ", iterations: 3, start: 1 ms"));
    const Run::JobFigures& job = thrice.jobs.at("a");
    CHECK(job.alone == relative(once, 1e-9));
    CHECK(job.end - job.start == relative(3 * once, 1e-9));
    REQUIRE(job.iterations.size() == 3);
    for (const double iteration : job.iterations) CHECK(iteration == relative(once, 1e-9));
  }
  // A stage that is done goes on with the next iteration before the others are.
  const std::string pipeline = "pipeline: 2, data: 4, global_batch: 16, overlap_p2p: true";
  const double once = run_of(yaml(pipeline, "")).time;
  const Run::JobFigures job = run_of(yaml(pipeline, ", iterations: 3")).jobs.at("a");
  CHECK(job.alone == relative(once, 1e-9));
  CHECK(job.end <= 3 * once * (1 + 1e-9));
  CHECK(job.end > 2.5 * once);
}

TEST_CASE("jobs: where nothing is said each has as many iterations as one of any other takes") {
  const auto job = [](const char* name, int layers, const std::string& more) {
    return fmt::format(
        "  - {{name: {}, model: {{layers: {}, hidden: 256, heads: 4, vocab: 512, seq_len: 128}}, plan: {{data: 1, "
        "global_batch: 1}}{}}}\n",
        name, layers, more);
  };
  const Run run = run_of("cluster: {node: dgx-a100, nodes: 1}\njobs:\n" + job("short", 1, "") + job("long", 7, "") +
                         job("late", 2, ", start: 3 ms") + job("two", 2, ", iterations: 2") + job("endless", 2000, ""));
  double until = 0;
  for (const auto& [name, figures] : run.jobs) until = std::max(until, figures.start + figures.alone);
  int capped = 0;
  for (const auto& entry : run.jobs) {
    const std::string name = entry.first;
    const Run::JobFigures& figures = entry.second;
    CAPTURE(name);
    const double needed = std::ceil((until - figures.start) / figures.alone - 1e-9);
    CHECK(figures.iterations.size() == (name == "two" ? 2 : std::clamp(needed, 1.0, 64.0)));
    CHECK(figures.together == relative(figures.alone, 1e-9));  // one GPU each
    capped += needed > 64 ? 1 : 0;
  }
  CHECK(capped > 0);
  const Run few = run_of("cluster: {node: dgx-a100, nodes: 1}\njobs:\n" + job("short", 1, "") + job("long", 7, "") +
                         job("late", 2, ", start: 3 ms"));
  const Run::JobFigures &shorter = few.jobs.at("short"), &late = few.jobs.at("late");
  CHECK(late.iterations.size() == 1);
  CHECK(shorter.iterations.size() > 2);
  CHECK(shorter.end * (1 + 1e-9) >= late.start + late.alone);
  CHECK(shorter.end - shorter.iterations.back() < late.start + late.alone);
}

TEST_CASE("jobs: data parallel over node types goes at the pace of the slower") {
  const auto yaml = [](const std::string& nodes) {
    const auto type = [](const char* device) {
      return fmt::format("{{gpus: 1, device: {}, nic: {{count: 1, bandwidth: 10 GB/s, latency: 0 us}}}}", device);
    };
    std::string text = nodes;
    for (const auto& [mark, device] : {std::pair{"SLOW", "a100-80gb-sxm"}, {"FAST", "h100-80gb-sxm"}})
      while (text.find(mark) != std::string::npos) text.replace(text.find(mark), 4, type(device));
    return "cluster: {" + text + ", fabric: {topology: switch}}\n" + model +
           "\nplan: {data: 4, global_batch: 8}\ncollectives: {all_reduce: ring, protocol: none}\n";
  };
  const std::string both = yaml("groups: [{node: FAST, nodes: 2}, {node: SLOW, nodes: 2}]");
  const Run mixed = run_of(both), slow = run_of(yaml("node: SLOW, nodes: 4")),
            fast = run_of(yaml("node: FAST, nodes: 4"));
  CHECK(differences(mixed, run_of(both, SimulationOptions::exact())) == "");
  CHECK(mixed.gpus.size() == 2);
  CHECK(mixed.time == relative(slow.time, 1e-9));
  CHECK(fast.time < slow.time);
  const auto &waiting = mixed.gpus.at("0").breakdown, &busy = mixed.gpus.at("2").breakdown;
  const auto &of_fast = fast.gpus.at("0").breakdown, &of_slow = slow.gpus.at("0").breakdown;
  constexpr std::size_t compute = 0, data_comm = 3, bubble = 4, optimizer = 5;
  CHECK(waiting[compute] == relative(of_fast[compute], 1e-9));
  CHECK(busy[compute] == relative(of_slow[compute], 1e-9));
  CHECK(waiting[data_comm] == relative(busy[data_comm], 1e-9));
  CHECK(busy[bubble] == doctest::Approx(0).scale(1e-9 * mixed.time));
  // It waits for the slower twice: before the all_reduce, and at the end.
  CHECK(waiting[bubble] == relative(busy[compute] + busy[optimizer] - waiting[compute] - waiting[optimizer], 1e-9));
}

TEST_CASE("jobs: tensor ranks that are no neighbours talk over the fabric") {
  const auto tensor_comm = [](const std::string& order) {
    const Run run = run_of("cluster: {node: {base: dgx-a100, gpus: 4, nic: {count: 4}}, nodes: 2}\n" + model +
                           "\nplan: {tensor: 4, data: 2, global_batch: 4}\nplacement: {order: [" + order + "]}\n");
    return run.gpus.begin()->second.breakdown[1];
  };
  CHECK(tensor_comm("tensor, data, pipeline") == tensor_comm("tensor, pipeline, data"));
  CHECK(tensor_comm("data, tensor, pipeline") > 1.5 * tensor_comm("tensor, data, pipeline"));
}

TEST_CASE("jobs: several on nodes of one name and another library each have their own protocols") {
  const std::string small = "{base: dgx-a100, gpus: 2, nic: {count: 2";
  const std::string yaml =
      "cluster: {groups: [{node: " + small +
      ", protocols: {ll: null, ll128: null}}, collectives: {protocols: {ll: null, ll128: null}}}, nodes: 1}, {node: " +
      small + "}}, nodes: 1}], fabric: {topology: switch}}\n" + model +
      "\nplan: {tensor: 2, data: 2, global_batch: 2}\n";
  const Scenario scenario = scenario_of(yaml);
  const std::string protocols = in_child([&] {
    std::string out;
    for (const SimulatedGpu& gpu : simulate(scenario, unfolded).gpus)
      for (const CollectiveUse& use : gpu.collectives)
        if (use.group == GroupKind::tensor) out += fmt::format("{}:{} ", gpu.node, protocol_name(use.protocol));
    return out;
  });
  CHECK(contains(protocols, "0:simple"));
  CHECK(contains(protocols, "1:ll"));
  CHECK_FALSE(contains(protocols, "0:ll"));
}

TEST_CASE("jobs: data groups that are spread in different ways pad one call to different lengths") {
  // The group of tensor rank 0 has two GPUs of each node, and so two ring channels; that of rank 1 one and three.
  bool seen = false;
  for (const int ffn : {120, 122, 124, 126}) {
    CAPTURE(ffn);
    const std::string yaml = fmt::format(
        "cluster: {{node: dgx-a100, nodes: 2}}\nmodel: {{layers: 1, hidden: 30, heads: 2, ffn: {}, vocab: 100, "
        "seq_len: 32}}\nplan: {{tensor: 2, data: 4, global_batch: 4}}\nplacement: {{gpus: [0, 2, 1, 8, 12, 9, 13, "
        "10]}}\n",
        ffn);
    CHECK(differences(run_of(yaml), run_of(yaml, SimulationOptions::exact())) == "");
    const Scenario scenario = scenario_of(yaml);
    const std::vector<double> bytes = in_child([&] {
      std::vector<double> out;
      for (const SimulatedGpu& gpu : simulate(scenario, unfolded).gpus)
        for (const CollectiveUse& use : gpu.collectives)
          if (use.group == GroupKind::data) out.push_back(use.bytes);
      return out;
    });
    REQUIRE(bytes.size() == 8);
    seen = seen || std::adjacent_find(bytes.begin(), bytes.end(), std::not_equal_to()) != bytes.end();
  }
  CHECK(seen);
}

// Stage 0 reduces its gradients inside a node and sends to stage 1 again while that still does so between nodes: what
// never happens within one iteration, and folding must not rely on.
TEST_CASE("jobs: messages of the next iteration meet collectives of this one") {
  const auto yaml = [](const std::string& plan) {
    return "cluster: {node: {base: dgx-a100, gpus: 4, nic: {count: 1}}, nodes: 3, fabric: {topology: switch}}\njobs:\n"
           "  - name: a\n    model: {layers: 2, hidden: 512, heads: 8, vocab: 8192, seq_len: 256, tied_embeddings: "
           "false}\n    plan: {pipeline: 2, data: 2, global_batch: 8, clip_gradients: false" +
           plan + "}\n    placement: {gpus: [0, 1, 4, 8]}\n    iterations: 3\n";
  };
  for (const char* plan : {"", ", overlap_p2p: true", ", zero: 1", ", overlap_grad_reduce: true"}) {
    CAPTURE(std::string(plan));
    const Run run = run_of(yaml(plan));
    CHECK(differences(run, run_of(yaml(plan), SimulationOptions::exact())) == "");
    CHECK(run.jobs.at("a").end < 3 * run.jobs.at("a").alone);  // they do overlap
  }
}
