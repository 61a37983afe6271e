// Conditions of a run: how long kernels take on GPUs that slow down, and how much of them is done by when.
#include <doctest/doctest.h>

#include <vector>

#include "tests/support/cluster_text.hpp"
#include "tests/support/forked.hpp"
#include "tests/support/relative.hpp"
#include "workloads/run_conditions.hpp"

using namespace rehearse;
using namespace rehearse::testing;

namespace {

/// GPU 1 is slow from the start, slower from 1 s to 2 s, and slow to a third from 3 s on; GPU 0 is as it should be.
constexpr const char* slow =
    "{node: {gpus: 2, device: a100-80gb-sxm, interconnect: {bandwidth: 100 GB/s, latency: 1 us}}, nodes: 1, "
    "degradation: [{gpu: 1, slowdown: 1.5}, {gpu: 1, slowdown: 2, from: 1 s, until: 2 s}, {gpu: 1, slowdown: 3, from: "
    "3 "
    "s}]}";

/// Of each rank: `of(conditions, rank)`, in a child.
template <class Of>
std::vector<double> by_rank(Of of) {
  return in_child([&] {
    const Cluster cluster = cluster_of(slow);
    Replayer replayer{Network()};
    RunConditions conditions(cluster, replayer);
    conditions.set_gpus({0, 1});
    std::vector<double> out;
    for (const Rank rank : {Rank{0}, Rank{1}})
      for (const Seconds each : of(conditions, rank)) out.push_back(each.value());
    return out;
  });
}

}  // namespace

TEST_CASE("run conditions: what is done of a kernel, beside the slowdown of the start that it has already") {
  const std::vector<double> done = by_rank([](const RunConditions& conditions, Rank rank) {
    return std::vector<Seconds>{
        conditions.computed(rank, Seconds(0.25), Seconds(0.75)), conditions.computed(rank, Seconds(0.5), Seconds(2.5)),
        conditions.computed(rank, Seconds(1.25), Seconds(1.75)), conditions.computed(rank, Seconds(2), Seconds(6))};
  });
  const std::vector<double> expected{0.5, 2, 0.5, 4, 0.5, 0.5 + 0.5 + 0.5, 0.25, 1 + 1};
  REQUIRE(done.size() == expected.size());
  for (std::size_t i = 0; i < done.size(); ++i) CHECK(done[i] == relative(expected[i], 1e-12));
}

TEST_CASE("run conditions: until its end all of a kernel is done") {
  const std::vector<double> begins{0, 0.5, 1, 1.75, 2.5, 4}, durations{0.25, 0.5, 1, 5};
  const std::vector<double> done = by_rank([&](const RunConditions& conditions, Rank rank) {
    std::vector<Seconds> out;
    for (const double begin : begins)
      for (const double duration : durations)
        out.push_back(conditions.computed(rank, Seconds(begin),
                                          conditions.end_of_compute(rank, Seconds(begin), Seconds(duration))));
    return out;
  });
  REQUIRE(done.size() == 2 * begins.size() * durations.size());
  for (std::size_t i = 0; i < done.size(); ++i) CHECK(done[i] == relative(durations[i % durations.size()], 1e-12));
}
