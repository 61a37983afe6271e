// Pieces of the trace: titles, limits, rows, step functions.
#include <doctest/doctest.h>

#include <limits>

#include "reports/trace_counters.hpp"
#include "reports/trace_slices.hpp"
#include "tests/support/sample_result.hpp"

using namespace rehearse;
using namespace rehearse::testing;

TEST_CASE("trace titles say which micro batch at a glance") {
  CHECK(slice_title("layer 3 attention forward", Kind::forward, {7, 3, 0}) == "F7 · layer 3 attention");
  CHECK(slice_title("attention", Kind::backward, {7, 3, 0}) == "B7 · layer 3 attention");
  CHECK(slice_title("layers 3-5 backward qkv", Kind::backward, {7, 3, 0}) == "B7 · layers 3-5 qkv");
  CHECK(slice_title("recompute", Kind::recompute, {12, -1, 0}) == "R12");
  CHECK(slice_title("forward", Kind::forward, {12, 4, 0}) == "F12 · layer 4");
  CHECK(slice_title("forward chunk 1", Kind::forward, {0, -1, 0}) == "F0 · chunk 1");
  CHECK(slice_title("forwarding", Kind::forward, {0, -1, 0}) == "F0 · forwarding");
  CHECK(slice_title("all_reduce", Kind::tensor_comm, {2, 1, 0}) == "all_reduce · mb 2");
  CHECK(slice_title("forward of micro batch 2", Kind::forward, {2, 1, 0}) == "forward of micro batch 2");
  CHECK(slice_title("optimizer step", Kind::optimizer, {}) == "optimizer step");
  CHECK(slice_title("", Kind::optimizer, {}) == "optimizer");
}

TEST_CASE("detail goes to the first micro batches") {
  constexpr std::int32_t all = std::numeric_limits<std::int32_t>::max();
  CHECK(micro_batches_within({}, 0) == all);
  CHECK(micro_batches_within({5, 10, 10, 10}, 35) == all);
  CHECK(micro_batches_within({5, 10, 10, 10}, 34) == 2);  // micro batches 0 and 1
  CHECK(micro_batches_within({5, 10, 10, 10}, 10) == 0);  // what has no micro batch
  CHECK(micro_batches_within({5, 10}, 4) == -1);          // nothing
}

TEST_CASE("a trace keeps its limits and says so") {
  const Result result = sample_result();
  const TraceLimits limits{.parts = 1, .pipeline_flows = 1, .collective_flows = 0};
  const Slices slices = gather_slices(result, limits);
  CHECK(slices.notes.size() == 3);
  for (const auto& groups : slices.groups)
    for (const SliceGroup& group : groups) {
      CHECK(group.name != "send 2");
      for (const TraceSlice& slice : group.slices) CHECK(slice.detailed == OpId{no_index});
      if (group.name == "send") CHECK(group.slices.size() == 1);
    }
  CHECK(gather_slices(result, TraceLimits{}).notes.empty());
}

TEST_CASE("link counters: concurrent flows, repeated hops, loads of computes, folded latencies") {
  ResultBuilder b(2);
  const LinkId link = b.result.network.add_link({"l", BytesPerSecond(100), Seconds(0.5), LinkKind::other, 4});
  const PathId once = b.result.network.add_path({{link, 1}});
  const PathId twice = b.result.network.add_path({{link, 2}});
  b.flow("a", Kind::other, 0, 1, 25, once, 0, 2, {}, 2);  // 25 bytes/s over [1, 2)
  b.flow("b", Kind::other, 0, 1, 25, twice, 0.5, 2);      // 2 * 25 bytes/s over [1, 2)
  const std::vector<Load> loads{{once, Bytes(30)}};
  b.compute("c", Kind::other, b.schedule.add_lane(Rank{0}, "c"), 3, 4, {}, no_index, b.schedule.add_loads(loads));
  b.result.hottest_links = {{b.result.network.link(link), {{once, 1}, {twice, 2}}, 0, 0}};
  const std::int64_t s = 1'000'000'000;
  CHECK(link_steps(b.build(), 8, 100).at(0) == CounterSteps{{0, 0}, {s, 75}, {2 * s, 0}, {3 * s, 30}, {4 * s, 0}});
}

TEST_CASE("averages keep the area") {
  const CounterSteps steps{{0, 0}, {10, 100}, {15, 50}, {30, 0}};
  CHECK(averaged(steps, 40, 4) == CounterSteps{{0, 0}, {10, 75}, {20, 50}, {30, 0}});
  CHECK(averaged(steps, 40, 2) == CounterSteps{{0, 37.5}, {20, 25}, {40, 0}});
  CHECK(averaged({}, 40, 2) == CounterSteps{{0, 0}});
}

TEST_CASE("memory counters begin at zero") {
  ResultBuilder b(2);
  b.result.gpus[1].static_memory = Bytes(7);
  b.result.memory_samples = {{Rank{1}, Seconds(1e-9), Bytes(9)}, {Rank{1}, Seconds(1.1e-9), Bytes(8)}};
  const std::vector<CounterSteps> steps = memory_steps(b.build());
  CHECK(steps.at(0).empty());
  CHECK(steps.at(1) == CounterSteps{{0, 7}, {1, 8}});
}
