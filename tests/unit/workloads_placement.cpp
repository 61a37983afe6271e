// Placement: which GPUs the ranks of a plan get, rank by rank, and what is wrong with a placement.
#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <set>

#include <fmt/format.h>

#include "tests/support/cluster_text.hpp"
#include "tests/support/faults.hpp"
#include "workloads/job_layout.hpp"
#include "workloads/placement.hpp"

using namespace rehearse;
using namespace rehearse::testing;

namespace {

using Gpus = std::vector<std::uint32_t>;

Cluster nodes_of(int nodes, int gpus) {
  return cluster_of(
      fmt::format("{{node: {{base: dgx-a100, gpus: {0}, nic: {{count: {0}}}}}, nodes: {1}}}", gpus, nodes));
}

Placement placement_of(const std::string& yaml) {
  Reader reader(parse_yaml("placement: " + yaml, "test.yaml"), "job");
  const Placement placement = read_placement(reader, "placement");
  reader.finish();
  return placement;
}

std::string placement_faults(const std::string& yaml) {
  return faults_of([&] { placement_of(yaml); });
}

/// On a cluster that nobody uses yet.
Gpus placed(const std::string& yaml, std::uint32_t ranks, const Cluster& cluster) {
  std::vector<bool> taken(cluster.gpu_count(), false);
  return place(placement_of(yaml), ranks, cluster, taken, {});
}

Gpus sorted(Gpus gpus) {
  std::ranges::sort(gpus);
  return gpus;
}

Gpus first_gpus(std::uint32_t count) {
  Gpus gpus(count);
  std::iota(gpus.begin(), gpus.end(), 0U);
  return gpus;
}

std::set<std::uint32_t> nodes_under(const Cluster& cluster, const Gpus& gpus) {
  std::set<std::uint32_t> nodes;
  for (const std::uint32_t gpu : gpus) nodes.insert(cluster.node_of(gpu));
  return nodes;
}

const std::vector<std::string> every_placement{
    "packed",
    "{policy: packed, unit: gpu}",
    "spread",
    "{policy: spread, unit: gpu}",
    "random",
    "{policy: random, unit: gpu}",
    "{policy: random, unit: gpu, seed: 7}",
};

}  // namespace

TEST_CASE("placement: policies that are not drawn give these GPUs") {
  const Cluster four = nodes_of(4, 2), six = nodes_of(6, 2);
  for (const char* packed : {"packed", "{policy: packed}", "{policy: packed, unit: gpu}", "{}"})
    CHECK(placed(packed, 3, four) == Gpus{0, 1, 2});
  CHECK(placed("spread", 2, four) == Gpus{0, 1});
  CHECK(placed("spread", 3, four) == Gpus{0, 1, 4});
  CHECK(placed("spread", 4, four) == Gpus{0, 1, 4, 5});
  CHECK(placed("{policy: spread, unit: node}", 6, six) == Gpus{0, 1, 4, 5, 8, 9});
  CHECK(placed("spread", 8, six) == Gpus{0, 1, 2, 3, 6, 7, 8, 9});  // nodes 0, 1.5, 3, 4.5
  CHECK(placed("spread", 8, four) == first_gpus(8));
  CHECK(placed("{policy: spread, unit: gpu}", 3, four) == Gpus{0, 2, 4});
  CHECK(placed("{policy: spread, unit: gpu}", 6, four) == Gpus{0, 2, 4, 6, 1, 3});
}

TEST_CASE("placement: lists of GPUs, with ranges") {
  const Cluster cluster = nodes_of(4, 2);
  CHECK(placed("{gpus: [5, 0, 3]}", 3, cluster) == Gpus{5, 0, 3});
  CHECK(placed("{gpus: [6-7, 2, 0-1]}", 5, cluster) == Gpus{6, 7, 2, 0, 1});
  CHECK(placed("{gpus: [4-4]}", 1, cluster) == Gpus{4});
}

TEST_CASE("placement: spread nodes stand at equal distances, or one node off") {
  for (const int nodes : {2, 5, 8, 12, 17}) {
    const Cluster cluster = nodes_of(nodes, 2);
    for (std::uint32_t ranks = 1; ranks <= cluster.gpu_count(); ++ranks) {
      CAPTURE(nodes);
      CAPTURE(ranks);
      const auto under = nodes_under(cluster, placed("spread", ranks, cluster));
      CHECK(under.size() == (ranks + 1) / 2);
      std::set<std::uint32_t> distances;
      for (auto at = under.begin(); at != under.end(); ++at)
        distances.insert(std::next(at) == under.end() ? cluster.node_count() + *under.begin() - *at
                                                      : *std::next(at) - *at);
      CHECK(*distances.rbegin() - *distances.begin() <= 1);
    }
  }
}

TEST_CASE("placement: spread goes on where some nodes have less room than others") {
  const Cluster cluster = nodes_of(8, 4);
  std::vector<bool> taken(cluster.gpu_count(), false);
  place(placement_of("{gpus: [0-2]}"), 3, cluster, taken, {});
  // One GPU of node 0 is free: two nodes at equal distances hold 5 of 8 ranks, three hold them all.
  CHECK(place(placement_of("spread"), 8, cluster, taken, {}) == Gpus{3, 8, 9, 10, 11, 20, 21, 22});
}

TEST_CASE("placement: each rank has a GPU of its own, that was free and is taken now") {
  const Cluster cluster = nodes_of(5, 4);
  for (const std::string& yaml : every_placement)
    for (std::uint32_t ranks = 1; ranks <= cluster.gpu_count(); ++ranks) {
      CAPTURE(yaml);
      CAPTURE(ranks);
      std::vector<bool> taken(cluster.gpu_count(), false);
      std::vector<bool> free(cluster.gpu_count(), true);
      const Placement placement = placement_of(yaml);
      for (std::uint32_t left = cluster.gpu_count(); left > 0; left -= std::min(left, ranks)) {
        const Gpus gpus = place(placement, std::min(left, ranks), cluster, taken, {});
        CHECK(gpus.size() == std::min(left, ranks));
        for (const std::uint32_t gpu : gpus) {
          CHECK(free[gpu]);
          free[gpu] = false;
          CHECK(taken[gpu]);
        }
      }
      CHECK(std::ranges::count(taken, false) == 0);
    }
}

TEST_CASE("placement: whole nodes, where that is the unit") {
  const Cluster cluster = nodes_of(6, 4);
  for (const char* yaml : {"packed", "spread", "random", "{policy: random, unit: node, seed: 5}"})
    for (const std::uint32_t nodes : {1U, 2U, 5U, 6U}) {
      const Gpus gpus = placed(yaml, 4 * nodes, cluster);
      CHECK(nodes_under(cluster, gpus).size() == nodes);
      for (std::size_t i = 0; i < gpus.size(); ++i) CHECK(gpus[i] == gpus[i / 4 * 4] + i % 4);
    }
  CHECK(nodes_under(cluster, placed("{policy: random, unit: gpu}", 8, cluster)).size() > 2);
}

TEST_CASE("placement: random is the same each time, and another with another seed") {
  const Cluster cluster = nodes_of(8, 2);
  for (const char* unit : {"node", "gpu"}) {
    std::set<Gpus> drawn;
    for (int seed = 0; seed < 20; ++seed) {
      const std::string yaml = fmt::format("{{policy: random, unit: {}, seed: {}}}", unit, seed);
      const Gpus gpus = placed(yaml, 16, cluster);
      CHECK(gpus == placed(yaml, 16, cluster));
      CHECK(sorted(gpus) == first_gpus(16));
      CHECK(drawn.insert(gpus).second);
    }
    CHECK(drawn.contains(placed(fmt::format("{{policy: random, unit: {}}}", unit), 16, cluster)));  // seed 0
  }
  // Every node comes first about as often as any other: 800 draws, 100 each, deviation 9.4.
  std::vector<int> first(8);
  for (int seed = 0; seed < 800; ++seed)
    ++first[cluster.node_of(placed(fmt::format("{{policy: random, seed: {}}}", seed), 2, cluster)[0])];
  for (const int times : first) CHECK(std::abs(times - 100) < 47);  // five deviations
}

TEST_CASE("placement: jobs take what those before them left") {
  const Cluster cluster = nodes_of(4, 2);
  std::vector<bool> taken(cluster.gpu_count(), false);
  CHECK(place(placement_of("spread"), 3, cluster, taken, {}) == Gpus{0, 1, 4});
  CHECK(place(placement_of("packed"), 2, cluster, taken, {}) == Gpus{2, 3});
  CHECK(place(placement_of("{policy: spread, unit: gpu}"), 2, cluster, taken, {}) == Gpus{5, 6});
  CHECK(faults_of([&] { place(placement_of("packed"), 2, cluster, taken, {}); }) ==
        "the plan needs 2 GPUs, but of the cluster's 8 only 1 are free");
  CHECK(place(placement_of("random"), 1, cluster, taken, {}) == Gpus{7});
}

TEST_CASE("placement: nodes of several sizes") {
  const Cluster cluster = cluster_of(
      "{groups: [{node: {base: dgx-a100, gpus: 2, nic: {count: 2}}, nodes: 2}, "
      "{node: {base: dgx-h100, gpus: 4, nic: {count: 4}}, nodes: 2}]}");
  CHECK(placed("packed", 7, cluster) == Gpus{0, 1, 2, 3, 4, 5, 6});
  CHECK(placed("spread", 5, cluster) == Gpus{0, 1, 4, 5, 6});
  CHECK(placed("{policy: spread, unit: gpu}", 10, cluster) == Gpus{0, 2, 4, 8, 1, 3, 5, 9, 6, 10});
}

TEST_CASE("placement: every order of degrees numbers every rank once") {
  Plan plan;
  plan.tensor = 3, plan.context = 2, plan.data = 5, plan.pipeline = 2;
  std::array<Degree, degree_count> order{Degree::tensor, Degree::context, Degree::data, Degree::pipeline};
  std::set<Gpus> numberings;
  do {
    const PlanLayout layout(plan, order);
    CHECK(layout.ranks() == 60);
    Gpus ranks;
    for (std::uint32_t stage = 0; stage < 2; ++stage)
      for (std::uint32_t data = 0; data < 5; ++data)
        for (std::uint32_t context = 0; context < 2; ++context)
          for (std::uint32_t tensor = 0; tensor < 3; ++tensor) {
            ranks.push_back(layout.rank({tensor, context, data, stage}));
            CHECK(layout.coordinates(ranks.back()) == Coordinates{tensor, context, data, stage});
            CHECK(layout.replica(ranks.back()) == data * 2 + context);
          }
    CHECK(sorted(ranks) == first_gpus(60));
    CHECK(layout.coordinate(1, order[0]) == 1);
    numberings.insert(ranks);
  } while (std::next_permutation(order.begin(), order.end()));
  CHECK(numberings.size() == 24);
}

TEST_CASE("placement: the order, read and by default") {
  using Order = std::array<Degree, degree_count>;
  CHECK(placement_of("packed").order == Order{Degree::tensor, Degree::context, Degree::data, Degree::pipeline});
  CHECK(placement_of("{order: [pipeline, tensor, data]}").order ==
        Order{Degree::pipeline, Degree::tensor, Degree::context, Degree::data});
  CHECK(placement_of("{order: [data, context, tensor, pipeline]}").order ==
        Order{Degree::data, Degree::context, Degree::tensor, Degree::pipeline});
  CHECK(placement_of("{gpus: [0-7], order: [data, tensor, pipeline]}").order[0] == Degree::data);
}

TEST_CASE("placement: what is written reads back the same") {
  const Cluster cluster = nodes_of(4, 2);
  for (std::string yaml : {"packed", "{policy: spread, unit: gpu}", "{policy: random, seed: 3}", "{gpus: [7, 0-6]}",
                           "{policy: random, unit: gpu, order: [data, pipeline, tensor]}"}) {
    CAPTURE(yaml);
    const Placement placement = placement_of(yaml);
    Value root;
    root["placement"] = to_value(placement);
    Reader reader(std::move(root), "job");
    const Placement again = read_placement(reader, "placement");
    reader.finish();
    CHECK(again.order == placement.order);
    std::vector<bool> taken(8, false), taken_again(8, false);
    CHECK(place(again, 8, cluster, taken_again, {}) == place(placement, 8, cluster, taken, {}));
  }
}

TEST_CASE("placement: faults of form") {
  CHECK(
      contains(placement_faults("packd"), "test.yaml:1: placement: unknown placement 'packd'; did you mean 'packed'?"));
  CHECK(contains(placement_faults("{policy: radnom}"),
                 "placement.policy: unknown placement 'radnom'; did you mean 'random'?"));
  CHECK(contains(placement_faults("{unit: rack}"),
                 "placement.unit: unknown unit of placement 'rack'; one of: node, gpu"));
  CHECK(contains(placement_faults("{polcy: packed}"), "placement.polcy: unknown key; did you mean 'policy'?"));
  CHECK(contains(placement_faults("{policy: spread, seed: 3}"), "placement.seed: only `policy: random` has a seed"));
  CHECK(contains(placement_faults("{seed: 3}"), "placement.seed: only `policy: random` has a seed"));
  CHECK(contains(placement_faults("{policy: random, seed: -3}"), "placement.seed: expected at least 0, found -3"));
  CHECK(contains(placement_faults("[0-7]"), "placement: expected a mapping"));
  const std::string both = placement_faults("{gpus: [0-7], policy: packed, unit: gpu, seed: 1}");
  for (const char* key : {"policy", "unit", "seed"})
    CHECK(
        contains(both, fmt::format("placement.{}: `gpus` is a placement of its own; leave out one or the other", key)));
  CHECK(std::ranges::count(both, '\n') == 2);  // and nothing else
}

TEST_CASE("placement: faults of lists") {
  for (const char* item : {"5-3", "x", "-3", "3-", "1-2-3", "1.5", "99999999999", "0-2000000", "''"}) {
    CAPTURE(std::string(item));
    CHECK(contains(placement_faults(fmt::format("{{gpus: [0, {}]}}", item)),
                   "test.yaml:1: placement.gpus.1: expected the number of a GPU, or a range such as 0-63; found '"));
  }
  CHECK(contains(placement_faults("{gpus: 0-7}"), "placement.gpus: expected a list"));
  for (const char* order : {"[tensor, data, tensor]", "[tensor, data, expert]", "[data, data]"}) {
    CAPTURE(std::string(order));
    CHECK(contains(placement_faults(fmt::format("{{order: {}}}", order)),
                   "expected tensor, data and pipeline, each once, found '"));
  }
  CHECK(contains(placement_faults("{order: [tensor, pipeline]}"),
                 "placement.order: expected tensor, data and pipeline, each once; found 2 of them"));
  CHECK(contains(placement_faults("{order: []}"), "placement.order: expected tensor, data and pipeline"));
  CHECK(contains(placement_faults("{order: tensor}"), "placement.order: expected a list"));
}

TEST_CASE("placement: lists that the cluster or the plan does not bear out") {
  const Cluster cluster = nodes_of(2, 2);
  std::vector<bool> taken{true, false, false, false};
  const auto fault = [&](const std::string& yaml, std::uint32_t ranks) {
    const std::vector<bool> before = taken;
    std::string said = faults_of([&] {
      place(placement_of(yaml), ranks, cluster, taken, {"test.yaml", 7, "jobs.1.placement", ""});
    });
    CHECK(taken == before);
    return said;
  };
  const std::string at = "test.yaml:7: jobs.1.placement: ";
  CHECK(fault("{gpus: [1, 1]}", 2) == at + "GPU 1 stands twice in the list");
  CHECK(fault("{gpus: [1-3, 2]}", 4) == at + "GPU 2 stands twice in the list");
  CHECK(fault("{gpus: [1, 4]}", 2) == at + "there is no GPU 4: the cluster has 4");
  CHECK(fault("{gpus: [0-1]}", 2) == at + "GPU 0 is taken: another job has it, or it is down");
  CHECK(fault("{gpus: [1-3]}", 2) == at + "expected one GPU for each of the plan's 2 ranks, found 3");
  CHECK(fault("{gpus: [1]}", 2) == at + "expected one GPU for each of the plan's 2 ranks, found 1");
  CHECK(fault("{gpus: []}", 2) == at + "expected one GPU for each of the plan's 2 ranks, found 0");
  CHECK(fault("packed", 4) == at + "the plan needs 4 GPUs, but of the cluster's 4 only 3 are free");
}
