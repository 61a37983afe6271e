// What would make a plan fit in memory; when most is in use in a run.
#include <doctest/doctest.h>

#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "scenarios/plan_fit.hpp"
#include "tests/unit/scenarios_support.hpp"

using namespace rehearse;

namespace {

const std::string gpt =
    "model: {layers: 8, hidden: 4096, heads: 32, vocab: 51200, seq_len: 2048}\n"
    "cluster: {node: dgx-a100, nodes: 1}\n";

/// The settings of "--set a=b --set c=d".
std::vector<std::string> settings_of(const std::string& options) {
  std::istringstream in(options);
  std::vector<std::string> out;
  for (std::string word; in >> word;)
    if (word != "--set") out.push_back(word);
  return out;
}

Scenario with(const std::string& yaml, const std::vector<std::string>& settings = {}) {
  return read_scenario(parse_yaml(yaml, "test.yaml"), settings);
}

}  // namespace

TEST_CASE("fit: every change that is named makes the plan fit, with the peak that it says") {
  const std::string yaml = gpt + "plan: {tensor: 2, data: 4, micro_batch: 16, global_batch: 64}\n";
  const Scenario scenario = with(yaml);
  REQUIRE(check_plan_of(scenario).empty());
  REQUIRE_FALSE(check_memory_of(scenario).empty());
  const std::vector<PlanChange> changes = changes_that_fit(scenario, 0);
  REQUIRE(changes.size() >= 3);
  for (const PlanChange& change : changes) {
    CAPTURE(change.settings);
    const Scenario changed = with(yaml, settings_of(change.settings));
    CHECK(check_plan_of(changed).empty());
    CHECK(check_memory_of(changed).empty());
    CHECK(change.peak <= changed.cluster.groups()[0].device.memory_capacity);
  }
  const std::vector<std::string> lines = ways_to_fit(scenario);
  REQUIRE(lines.size() == changes.size() + 1);
  CHECK(lines[1].find(changes[0].settings) != std::string::npos);
}

TEST_CASE("fit: where it fits there is nothing to say, and where nothing helps that is said") {
  CHECK(ways_to_fit(with(gpt + "plan: {data: 8, global_batch: 8, recompute: full}\n")).empty());
  const std::string huge = "model: gpt3-175b\ncluster: {node: dgx-a100, nodes: 1}\nplan: {global_batch: 8, data: 8}\n";
  CHECK(ways_to_fit(with(huge)) == std::vector<std::string>{"no change of one key alone makes it fit"});
}

TEST_CASE("memory of a run: the moment of the most is one of its samples, and is said in words") {
  const Scenario scenario =
      with(gpt + "plan: {tensor: 2, pipeline: 4, data: 1, global_batch: 8, recompute: selective, attention: flash}\n");
  const std::string said = testing::in_child([&] {
    const Result r = simulate(scenario);
    std::string text;
    Seconds first(-1);
    for (const MemorySample& sample : r.memory_samples)
      if (sample.bytes == r.memory.in_use && (first < Seconds(0) || sample.time < first)) first = sample.time;
    if (first != r.memory.at.time) text += fmt::format("at {}, not {}; ", first.value(), r.memory.at.time.value());
    if (r.memory.at.largest.empty()) text += "no blocks; ";
    return text + r.memory.at.text();
  });
  CHECK(said.starts_with("in the "));
  CHECK(said.find("micro batch") != std::string::npos);
}
