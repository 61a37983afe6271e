// Pipeline schedules: every row for many shapes. Each pass once, no deadlock, few micro batches in flight, refusals;
// the clock that walks an order, and what check_order finds in broken ones.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "tests/support/pipeline_shapes.hpp"
#include "tests/support/relative.hpp"

using namespace rehearse;
using rehearse::testing::for_each_shape;
using rehearse::testing::most_held_of;

namespace {

using Order = std::vector<std::vector<Pass>>;  // by stage

const PipelineRow& row_of(std::string_view name) { return *pipeline_table().find(name); }

/// The faults that check_order finds, a line each.
std::string faults(std::string_view name, const PipelineShape& shape, const Order& order) {
  std::string out;
  for (const std::string& fault : check_order(row_of(name), shape, order)) out += fault + "\n";
  return out;
}

constexpr Pass forward{Phase::forward, 0, 0}, backward{Phase::backward, 0, 0}, input{Phase::backward_input, 0, 0},
    weight{Phase::backward_weight, 0, 0};

}  // namespace

TEST_CASE("pipeline: every order has each pass once and comes to its end") {
  for_each_shape({}, [](const PipelineRow& row, const PipelineShape& shape) {
    for (const PassTimes& times : {PassTimes{}, PassTimes{3, 4, 2, 0.5, 0.4}, PassTimes{1, 1, 3, 2}})
      CHECK(check_order(row, shape, row.order(shape, times)).empty());
  });
}

TEST_CASE("pipeline: every row runs its own number of chunks, and chunks have their places") {
  for_each_shape({}, [](const PipelineRow& row, const PipelineShape& shape) {
    CHECK(row.check({4, row.default_chunks, 8}).empty());
    std::set<std::pair<std::int32_t, std::int32_t>> places;
    for (std::int32_t replica = 0; replica < pipeline_replicas(row.layout); ++replica)
      for (std::int32_t chunk = 0; chunk < model_chunks(row.layout, shape); ++chunk) {
        const ChunkPlace place = place_of(row.layout, shape, chunk, replica);
        CHECK(model_chunk_of(row.layout, shape, place) == chunk);
        CHECK((place.stage >= 0 && place.stage < shape.stages && place.chunk >= 0 && place.chunk < shape.chunks));
        places.insert({place.stage, place.chunk});
      }
    CHECK(places.size() == static_cast<std::size_t>(shape.stages * shape.chunks));
  });
  const PipelineShape shape{4, 2, 8};
  CHECK(place_of(ChunkLayout::looped, shape, 5, 0) == ChunkPlace{1, 1});
  CHECK(place_of(ChunkLayout::v_shaped, shape, 5, 0) == ChunkPlace{2, 1});
  CHECK(place_of(ChunkLayout::bidirectional, shape, 1, 0) == ChunkPlace{1, 0});
  CHECK(place_of(ChunkLayout::bidirectional, shape, 1, 1) == ChunkPlace{2, 1});
}

TEST_CASE("pipeline: the clock, by hand") {
  const PassTimes times{.forward = 3, .backward_input = 2, .backward_weight = 1, .message = 0.5};
  const PipelineShape shape{2, 1, 1};
  const OrderTimes clock =
      time_order(ChunkLayout::looped, shape, {{forward, input, weight}, {forward, backward}}, times);
  // Forwards end at 3 and 6.5, the backwards at 9.5 and, for inputs, 12.
  CHECK(clock.spans[1][0].begin == 3.5);
  CHECK(clock.spans[1][1].end == 9.5);
  CHECK(clock.spans[0][1].begin == 10);
  CHECK(clock.makespan == 13);
  CHECK(clock.longest_stage == 13);
  CHECK(time_order(ChunkLayout::looped, shape, {{forward, backward}, {forward, input, weight}}, times).makespan == 12);
}

TEST_CASE("pipeline: paired passes begin and end together, and only when both can") {
  const PassTimes times{.forward = 3, .backward_input = 2, .backward_weight = 1};
  const Pass next{Phase::forward, 1, 0, true}, last{Phase::backward, 1, 0};
  const OrderTimes clock = time_order(ChunkLayout::looped, {1, 1, 2}, {{forward, next, backward, last}}, times);
  CHECK(clock.spans[0][1].begin == 3);
  CHECK(clock.spans[0][1].end == 9);
  CHECK(clock.spans[0][2].begin == 3);
  CHECK(clock.spans[0][2].end == 9);
  CHECK(clock.makespan == 12);
  const Pass paired{Phase::forward, 0, 0, true};
  CHECK(faults("1f1b", {1, 1, 1}, {{paired, backward}}) ==
        "1f1b: stage 0: waits for ever to begin forward of micro batch 0 through chunk 0\n");
}

TEST_CASE("pipeline: what is wrong with a broken order") {
  const PipelineShape shape{2, 1, 1};
  const std::vector<Pass> whole{forward, backward};
  CHECK(faults("gpipe", shape, {whole, whole}).empty());
  CHECK(faults("gpipe", shape, {whole, {forward, input, weight}}).empty());
  CHECK(faults("gpipe", shape, {whole}) == "gpipe: passes of 1 stages, not of 2\n");
  CHECK(faults("gpipe", shape, {whole, {backward, forward}}) ==
        "gpipe: stage 0: waits for ever to begin backward of micro batch 0 through chunk 0\n"
        "gpipe: stage 1: waits for ever to begin backward of micro batch 0 through chunk 0\n");
  CHECK(faults("gpipe", shape, {whole, {forward, weight, input}})
            .find("stage 1: waits for ever to begin backward_weight") != std::string::npos);
  CHECK(faults("gpipe", shape, {whole, {forward}}) ==
        "gpipe: stage 1: backward of micro batch 0 through chunk 0 is missing\n");
  CHECK(faults("gpipe", shape, {whole, {forward, input}}) ==
        "gpipe: stage 1: backward_weight of micro batch 0 through chunk 0 is missing\n");
  CHECK(faults("gpipe", shape, {whole, {forward, backward, weight}}) ==
        "gpipe: stage 1: backward of micro batch 0 through chunk 0 is done 2 times\n");
  CHECK(faults("gpipe", shape, {whole, {forward, forward, backward}}) ==
        "gpipe: stage 1: forward of micro batch 0 through chunk 0 is done 2 times\n");
  CHECK(faults("gpipe", shape, {whole, {forward, backward, {Phase::forward, 0, 1}}}) ==
        "gpipe: stage 1: forward of micro batch 0 through chunk 1, which there is not\n");
  CHECK(faults("gpipe", shape, {whole, {forward, backward, {Phase::forward, 1, 0}}}) ==
        "gpipe: stage 1: forward of micro batch 1 through chunk 0, which there is not\n");
  CHECK(faults("gpipe", shape, {whole, {forward, {Phase::backward, 0, 0, true}}}) ==
        "gpipe: stage 1: backward of micro batch 0 through chunk 0 is paired with a pass after the last\n");
  // Micro batch 0 goes through replica 0, which is chunk 0.
  CHECK(faults("chimera", {2, 2, 1}, {whole, {forward, backward, {Phase::forward, 0, 1}}}) ==
        "chimera: stage 1: forward of micro batch 0 through chunk 1, which there is not\n");
}

TEST_CASE("pipeline: micro batches in flight") {
  for_each_shape({"gpipe", "1f1b", "interleaved"}, [](const PipelineRow& row, const PipelineShape& shape) {
    const std::int32_t m = shape.micro_batches, p = shape.stages, v = shape.chunks;
    const Order order = row.order(shape, {});
    for (std::int32_t stage = 0; stage < p; ++stage) {
      const double most = most_held(order[static_cast<std::size_t>(stage)], 1);
      if (row.name == "gpipe") CHECK(most == m);
      if (row.name == "1f1b") CHECK(most == std::min(m, p - stage));
      // Megatron-LM's warm-up, and the one that is under way in the steady state; with m = p all is warm-up.
      const std::int32_t depth = 2 * (p - stage - 1) + (v - 1) * p + 1;
      if (row.name == "interleaved") CHECK(most == (m == p ? m * v : std::min(m * v, depth)));
    }
  });
  // A unit of chimera has p / 2 micro batches of each replica (Li and Hoefler 2021, Table 2).
  for_each_shape({"chimera"}, [](const PipelineRow& row, const PipelineShape& shape) {
    CHECK(most_held_of(row, shape, {}) <= shape.stages);
  });
  // DeepSeek-AI 2024, Table 2.
  for_each_shape({"dualpipe"}, [](const PipelineRow& row, const PipelineShape& shape) {
    CHECK(most_held_of(row, shape, {}) == shape.stages + 1);
  });
}

TEST_CASE("pipeline: dualpipe pairs forwards with backwards of the other direction") {
  for_each_shape({"dualpipe"}, [](const PipelineRow& row, const PipelineShape& shape) {
    const Order order = row.order(shape, {});
    for (std::int32_t stage = 0; stage < shape.stages; ++stage) {
      const std::vector<Pass>& passes = order[static_cast<std::size_t>(stage)];
      const auto first = std::ranges::find(passes, Phase::backward, &Pass::phase) - passes.begin();
      // The innermost stages do the first apart (DeepSeek-AI 2024, Figure 5): it would wait for its backward.
      const bool innermost = stage == shape.stages / 2 - 1 || stage == shape.stages / 2;
      CHECK(passes[static_cast<std::size_t>(first) - 1].paired == !innermost);
      for (std::size_t i = 0; i < passes.size(); ++i) {
        if (!passes[i].paired) continue;
        CHECK(passes[i].phase == Phase::forward);
        CHECK(passes[i + 1].phase == Phase::backward);
        CHECK(passes[i + 1].chunk != passes[i].chunk);
      }
    }
  });
}

TEST_CASE("pipeline: the first stage's account of Korthikanti et al. 2022: L (1 + (p - 1) / (p v)) layers' worth") {
  for (std::int32_t p : {2, 4, 8})
    for (std::int32_t v : {2, 3, 4}) {
      const double in_flight = most_held(row_of("interleaved").order({p, v, 8 * p}, {}).front(), 1);
      CHECK(in_flight / (p * v) == testing::relative(1 + (p - 1.0) / (p * v), 1e-12));
    }
}

TEST_CASE("pipeline: refusals") {
  const auto refused = [](std::string_view schedule, std::int32_t p, std::int32_t m, std::int32_t v) {
    std::string out;
    for (const std::string& reason : row_of(schedule).check({p, v, m})) out += reason + "\n";
    return out;
  };
  for (std::string_view name : {"1f1b", "gpipe", "zero_bubble_h1", "zero_bubble_h2", "zb_1p", "zb_2p"}) {
    CHECK(refused(name, 4, 8, 1).empty());
    CHECK(refused(name, 4, 8, 2) ==
          std::string(name) + " has one chunk a stage; virtual_stages 2 needs `schedule: interleaved`\n");
  }
  CHECK(refused("interleaved", 4, 8, 2).empty());
  CHECK(refused("interleaved", 4, 6, 2) == "interleaved needs micro batches (6) that divide by pipeline (4)\n");
  CHECK(refused("interleaved", 1, 6, 2) == "interleaved needs pipeline of at least 2\n");
  for (std::string_view name : {"zb_v", "chimera", "dualpipe"}) {
    CHECK(refused(name, 4, 8, 2).empty());
    CHECK(refused(name, 4, 8, 3) == std::string(name) + " has two chunks a stage; virtual_stages must be 2, not 3\n");
  }
  CHECK(refused("chimera", 3, 8, 2) == "chimera takes micro batches from both ends: pipeline must be even, not 3\n");
  CHECK(refused("dualpipe", 4, 6, 2) == "dualpipe needs at least 2 x pipeline = 8 micro batches, not 6\n");
  CHECK(refused("dualpipe", 4, 9, 2) == "dualpipe takes micro batches from both ends: they must be even, not 9\n");
  CHECK(refused("dualpipe", 3, 5, 1) ==
        "dualpipe has two chunks a stage; virtual_stages must be 2, not 1\n"
        "dualpipe takes micro batches from both ends: pipeline must be even, not 3\n"
        "dualpipe takes micro batches from both ends: they must be even, not 5\n"
        "dualpipe needs at least 2 x pipeline = 6 micro batches, not 5\n");
}
