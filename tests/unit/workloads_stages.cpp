// How layers are dealt out to the chunks of a pipeline.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/support/dice.hpp"
#include "workloads/parameters.hpp"

using namespace rehearse;

namespace {

/// Layers whose FLOPs forward are given, on `chunks` stages.
struct Case {
  Model model;
  Plan plan;
};

Case case_of(const std::vector<std::int64_t>& flops, std::int64_t chunks) {
  Case c;
  c.model.layers = std::ssize(flops);
  for (const std::int64_t f : flops) {
    LayerWork layer{.name = "layer"};
    layer.forward.push_back({"work", Roofline{Flops(static_cast<double>(f)), Bytes(0)}});
    c.model.sequence.push_back(layer);
  }
  c.plan.pipeline = chunks;
  c.plan.stages = StageSplit::balanced;
  return c;
}

std::vector<std::int64_t> sums_of(const std::vector<std::int64_t>& flops, std::int64_t chunks) {
  const Case c = case_of(flops, chunks);
  std::vector<std::int64_t> sums;
  std::int64_t next = 0;
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
    const LayerRange range = layers_of(c.model, c.plan, chunk);
    CHECK(range.first == next);
    CHECK(range.last > range.first);
    next = range.last;
    sums.push_back(0);
    for (std::int64_t layer = range.first; layer < range.last; ++layer)
      sums.back() += flops[static_cast<std::size_t>(layer)];
  }
  CHECK(next == std::ssize(flops));
  return sums;
}

/// The least possible sum of the fullest of `chunks` runs of flops[first..].
std::int64_t least_fullest(const std::vector<std::int64_t>& flops, std::size_t first, std::int64_t chunks) {
  std::int64_t sum = 0, best = INT64_MAX;
  for (std::size_t end = first; end < flops.size(); ++end) {
    sum += flops[end];
    const bool last = end + 1 == flops.size();
    if (chunks == 1 && !last) continue;
    if (chunks > 1 && static_cast<std::int64_t>(flops.size() - end - 1) < chunks - 1) break;
    best = std::min(best, chunks == 1 ? sum : std::max(sum, least_fullest(flops, end + 1, chunks - 1)));
  }
  return best;
}

}  // namespace

TEST_CASE("stages: balanced ones have no chunk fuller than it must be, and none empty") {
  testing::Dice dice(1);
  for (int draw = 0; draw < 200; ++draw) {
    std::vector<std::int64_t> flops(static_cast<std::size_t>(1 + dice.below(10)));
    for (std::int64_t& f : flops) f = 1 + dice.below(9);
    const std::int64_t chunks = 1 + dice.below(std::ssize(flops));
    CAPTURE(draw);
    CHECK(std::ranges::max(sums_of(flops, chunks)) == least_fullest(flops, 0, chunks));
  }
}

TEST_CASE("stages: balanced ones are as even as whole layers allow") {
  CHECK(sums_of(std::vector<std::int64_t>(24, 1), 8) == std::vector<std::int64_t>(8, 3));
  std::vector<std::int64_t> sums = sums_of(std::vector<std::int64_t>(10, 1), 4);
  std::ranges::sort(sums);
  CHECK(sums == std::vector<std::int64_t>{2, 2, 3, 3});
  CHECK(sums_of({1, 1, 1, 1, 1, 3}, 3) == std::vector<std::int64_t>{3, 2, 3});
}

TEST_CASE("stages: a list says which, embedding and head weigh nothing in `even`") {
  Case c = case_of(std::vector<std::int64_t>(8, 1), 4);
  c.plan.stages = StageSplit::even;
  CHECK(layers_of(c.model, c.plan, 3).first == 6);
  c.plan.stages = StageSplit::listed;
  c.plan.stage_layers = {1, 3, 3, 1};
  CHECK(layers_of(c.model, c.plan, 2).first == 4);
  CHECK(layers_of(c.model, c.plan, 3).last == 8);
}
