// Zero-bubble schedules: closed forms of their bubbles, memory, and the rates that Qi et al. 2024 calculate.
#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <utility>

#include "engine/base/csv.hpp"
#include "tests/support/pipeline_shapes.hpp"

using namespace rehearse;
using rehearse::testing::for_each_shape;
using rehearse::testing::most_held_of;
using rehearse::testing::work_of;

namespace {

/// A row of a table by its columns.
class Cells {
 public:
  Cells(const CsvTable& table, const CsvRow& row) : table_(table), row_(row) {}
  [[nodiscard]] const std::string& text(std::string_view column) const { return row_.cells[*table_.find(column)]; }
  [[nodiscard]] double number(std::string_view column) const { return std::stod(text(column)); }
  [[nodiscard]] std::int32_t whole(std::string_view column) const { return std::stoi(text(column)); }

 private:
  const CsvTable& table_;
  const CsvRow& row_;
};

CsvTable validation_table(const std::string& name) {
  return load_csv(std::string(REHEARSE_TEST_DIR "/validation/") + name);
}

/// Profiled times of a stage by model and micro batches.
std::map<std::pair<std::string, std::int32_t>, PassTimes> profiled_times() {
  const CsvTable table = validation_table("zero_bubble_times.csv");
  std::map<std::pair<std::string, std::int32_t>, PassTimes> out;
  for (const CsvRow& row : table.rows) {
    const Cells cells(table, row);
    out[{cells.text("model"), cells.whole("num_microbatches")}] = {
        .forward = cells.number("forward_ms"),
        .backward_input = cells.number("backward_input_ms"),
        .backward_weight = cells.number("backward_weight_ms"),
        .message = cells.number("message_ms")};
  }
  return out;
}

/// The share of a layer's activations that the gradients of its weights need: 32 s h of 34 s h + 5 a s^2, for sequences
/// of 1,024 (Qi et al. 2024, Table 1).
double kept_share(const Cells& cells) {
  const double h = cells.number("hidden"), a = cells.number("heads"), s = 1024;
  return 32 * h / (34 * h + 5 * a * s);
}

OrderTimes clock_of(const PipelineRow& row, const PipelineShape& shape, const PassTimes& times) {
  return time_order(row.layout, shape, row.order(shape, times), times);
}

/// What the longest stage takes beyond its work.
double bubble_of(const PipelineRow& row, const PipelineShape& shape, const PassTimes& times) {
  return clock_of(row, shape, times).longest_stage - work_of(row, shape, times);
}

double bubble_rate(const PipelineRow& row, const PipelineShape& shape, PassTimes times) {
  for (double* time : {&times.forward, &times.backward_input, &times.backward_weight}) *time /= shape.chunks;
  return bubble_of(row, shape, times) / clock_of(row, shape, times).longest_stage;
}

/// The published rates have four digits, which all but two meet: of `interleaved` ours is p messages longer in every
/// row, and in one row of zb_2p the paper's search, which has a solver besides, finds a little more.
double rate_tolerance(std::string_view schedule) {
  if (schedule == "interleaved") return 0.004;
  return schedule == "zb_2p" ? 0.0006 : 0.00006;
}

}  // namespace

TEST_CASE("pipeline: the bubble rates that Qi et al. 2024 calculate from profiled times") {
  const std::map<std::string, std::string_view> names{
      {"1F1B", "1f1b"},   {"1F1B-I", "interleaved"}, {"ZB-H1", "zero_bubble_h1"}, {"ZB-H2", "zero_bubble_h2"},
      {"ZB-1p", "zb_1p"}, {"ZB-2p", "zb_2p"}};
  const auto profiled = profiled_times();
  const CsvTable table = validation_table("zero_bubble_tables.csv");
  REQUIRE(table.rows.size() == 72);
  for (const CsvRow& table_row : table.rows) {
    const Cells cells(table, table_row);
    const PipelineRow& row = *pipeline_table().find(names.at(cells.text("schedule")));
    const std::int32_t stages = cells.whole("stages"), m = cells.whole("num_microbatches");
    // First and last stage have a layer fewer; interleaved, a chunk is a layer.
    const std::int32_t layers = cells.whole("layers") + 2;
    PassTimes times = profiled.at({cells.text("model"), m});
    times.kept = kept_share(cells);
    const double rate = bubble_rate(row, {stages, row.name == "interleaved" ? layers / stages : 1, m}, times);
    CAPTURE(row.name);
    CAPTURE(cells.text("model"));
    CAPTURE(m);
    CHECK(std::abs(rate - cells.number("bubble_rate_calc")) < rate_tolerance(row.name));
  }
}

TEST_CASE("pipeline: bubbles of gpipe, 1f1b and interleaved") {
  // Narayanan et al. 2021, Section 2.2: p - 1 passes each way through one chunk.
  const PassTimes times{3, 4, 2};
  for_each_shape({"gpipe", "1f1b", "interleaved"}, [&](const PipelineRow& row, const PipelineShape& shape) {
    const double bubble = (shape.stages - 1) * 9.0, makespan = clock_of(row, shape, times).makespan;
    CHECK(makespan == work_of(row, shape, times) + bubble);
  });
}

TEST_CASE("pipeline: bubbles and memory of the zero-bubble schedules by hand") {
  // Qi et al. 2024, Table 2, for W no longer than F or B and micro batches for a steady state.
  for (const PassTimes& times : {PassTimes{1, 1, 1}, PassTimes{3, 4, 2}, PassTimes{4, 3, 1}}) {
    const double f = times.forward, b = times.backward_input, w = times.backward_weight;
    for_each_shape({"zero_bubble_h1", "zero_bubble_h2", "zb_1p"},
                   [&](const PipelineRow& row, const PipelineShape& shape) {
                     const std::int32_t p = shape.stages, depth = row.name == "zero_bubble_h2" ? 2 : 1;
                     const std::int32_t most = depth * (p - 1) + 1;
                     CHECK(most_held_of(row, shape, times) <= most);
                     if (shape.micro_batches >= most)
                       CHECK(bubble_of(row, shape, times) == (p - 1) * (f + b - depth * w));
                   });
  }
}

TEST_CASE("pipeline: the automatic schedules keep to their memory and lose no more than those by hand") {
  for (const PassTimes& times : {PassTimes{}, PassTimes{3, 4, 2, 0.5}, PassTimes{3, 3, 5, 0, 0.4}, PassTimes{2, 1, 2}})
    for_each_shape({"zb_1p", "zb_2p"}, [&](const PipelineRow& row, const PipelineShape& shape) {
      const bool once = row.name == "zb_1p";
      const PipelineRow& by_hand = *pipeline_table().find(once ? "zero_bubble_h1" : "zero_bubble_h2");
      CHECK(most_held_of(row, shape, times) <= shape.stages * (once ? 1 : 2) + 1e-9);
      CHECK(bubble_of(row, shape, times) <= bubble_of(by_hand, shape, times) + 1e-9);
    });
}

TEST_CASE("pipeline: zb_2p has no bubble where all passes take the same time") {
  for_each_shape({"zb_2p"}, [](const PipelineRow& row, const PipelineShape& shape) {
    if (shape.micro_batches >= 2 * shape.stages) CHECK(bubble_of(row, shape, {}) == 0);
  });
}

TEST_CASE("pipeline: more memory does not make the automatic schedule worse") {
  for (const PassTimes& times : {PassTimes{}, PassTimes{3, 4, 2, 0.5}, PassTimes{2, 1, 2}})
    for_each_shape({"zb_2p"}, [&](const PipelineRow& row, const PipelineShape& shape) {
      CHECK(bubble_of(row, shape, times) <= bubble_of(*pipeline_table().find("zb_1p"), shape, times) + 1e-9);
    });
}

TEST_CASE("pipeline: zb_2p does all weights of the last stage at the end where memory allows it") {
  // No order is shorter on the first stage: down to the last stage, its passes for others, back up, a weight.
  const PipelineRow& row = *pipeline_table().find("zb_2p");
  const PipelineShape shape{8, 1, 24};
  for (const PassTimes& times : {PassTimes{2, 3, 1, 0.5, 0.5}, PassTimes{2, 4, 1, 0, 0.5}}) {
    const double both = times.forward + times.backward_input, way = both + 2 * times.message;
    CHECK(clock_of(row, shape, times).longest_stage == 24 * both + 7 * way + times.backward_weight);
  }
}

TEST_CASE("pipeline: zb_v has no bubble where all passes take the same time, in the memory of 1f1b") {
  for_each_shape({"zb_v"}, [](const PipelineRow& row, const PipelineShape& shape) {
    CHECK(most_held_of(row, shape, {}) <= 2 * shape.stages);  // passes through half a stage
    if (shape.micro_batches >= 2 * shape.stages - 1) CHECK(bubble_of(row, shape, {}) == 0);
  });
}

TEST_CASE("pipeline: the bubble of dualpipe is (p / 2 - 1)(F&B + B - 3 W)") {
  // DeepSeek-AI 2024, Table 2, B the whole backward; for F as long as the backward for inputs and W not longer.
  for (const PassTimes& times : {PassTimes{1, 1, 1}, PassTimes{2, 2, 1}, PassTimes{10, 10, 7}})
    for_each_shape({"dualpipe"}, [&](const PipelineRow& row, const PipelineShape& shape) {
      const double whole = times.backward_input + times.backward_weight, pair = times.forward + whole;
      const std::int32_t waits = shape.stages / 2 - 1;
      const double bubble = waits * (pair + whole - 3 * times.backward_weight);
      CHECK(bubble_of(row, shape, times) == bubble);
    });
}

TEST_CASE("pipeline: the bubble of chimera") {
  // Li and Hoefler 2021: p - 2 passes where forward and backward take the same time; else the critical path of a unit
  // has p forwards and 2 p - 2 backwards, and units one after another leave gaps of the difference between them.
  for (const PassTimes& times : {PassTimes{1, 0.5, 0.5}, PassTimes{1, 1, 1}, PassTimes{3, 4, 2}})
    for_each_shape({"chimera"}, [&](const PipelineRow& row, const PipelineShape& shape) {
      const std::int32_t p = shape.stages, units = shape.micro_batches / p;
      if (shape.micro_batches % p != 0) return;
      const double f = times.forward, b = times.backward_input + times.backward_weight;
      const double bubble = (p - 2) * (b + (units - 1) * (b - f));
      CHECK(bubble_of(row, shape, times) == bubble);
    });
}
