// Patterns carried out by threads on real numbers.
#include <doctest/doctest.h>

#include <stdexcept>

#include "engine/base/error.hpp"
#include "tests/support/collective_cases.hpp"
#include "tests/support/made_patterns.hpp"
#include "workloads/execution/execute.hpp"

namespace rehearse {
namespace {

constexpr CollectiveOp ring_ops[] = {CollectiveOp::all_reduce, CollectiveOp::all_gather, CollectiveOp::reduce_scatter};

CollectiveData all_reduce_data(std::uint32_t ranks, std::int64_t elements) {
  return {CollectiveOp::all_reduce, ranks, elements, {{0, elements}}, 0};
}

std::int64_t wrong_elements(const CollectiveRow& row, std::uint32_t ranks, std::int64_t elements,
                            const CollectiveOptions& options) {
  const Pattern pattern = build_collective(row, ranks, elements, options);
  return execute_with_threads(pattern, data_of(row, ranks, elements, options), 1).wrong_elements;
}

TEST_CASE("execution by threads: rings of 1 to 17 ranks") {
  for (const CollectiveOp op : ring_ops)
    for (std::uint32_t ranks = 1; ranks <= 17; ++ranks)
      for (const std::int64_t elements : {0, 1, 7, 1000})
        for (const std::uint32_t channels : {1U, 3U}) {
          CAPTURE(collective_op_name(op));
          CAPTURE(ranks);
          CAPTURE(elements);
          CAPTURE(channels);
          const CollectiveRow* ring = collective_table(op).find("ring");
          REQUIRE(ring != nullptr);
          CHECK(wrong_elements(*ring, ranks, elements, {.channels = ring_orders(ranks, channels)}) == 0);
        }
}

TEST_CASE("execution by threads: every algorithm of every table") {
  for (const CollectiveOp op : collective_ops)
    for (const CollectiveRow& row : collective_table(op))
      for (const std::uint32_t ranks : {1U, 2U, 3U, 5U, 8U})
        for (const CollectiveOptions& options : option_choices(ranks)) {
          CAPTURE(collective_op_name(op));
          CAPTURE(row.name);
          CAPTURE(ranks);
          CAPTURE(options.channels.size());
          CHECK(wrong_elements(row, ranks, 37, options) == 0);
        }
}

TEST_CASE("execution by threads: what is sent is what was there as the step began") {
  for (const std::uint32_t ranks : {2U, 3U, 7U})
    CHECK(execute_with_threads(made_exchange(ranks, 100), all_reduce_data(ranks, 100), 20).wrong_elements == 0);
}

TEST_CASE("execution by threads: switches, and messages in strided runs") {
  for (const std::uint32_t ranks : {1U, 2U, 5U})
    CHECK(execute_with_threads(made_with_switches(ranks, 50), all_reduce_data(ranks, 50), 5).wrong_elements == 0);
}

TEST_CASE("execution by threads: a position that only sends waits for those who receive") {
  // The first rank could be done with all steps at once, its outbox overwritten, before the others begin.
  Pattern pattern = stepwise(3, 40, [](std::uint64_t step, std::vector<Transfer>& out) {
    const auto e = static_cast<std::int64_t>(step);
    for (const std::uint32_t to : {1U, 2U}) out.push_back({.destination = to, .from = e, .to = e, .count = 1});
  });
  pattern.buffer = 40;
  const CollectiveData data(CollectiveOp::broadcast, 3, 40, {{0, 40}}, 0);
  CHECK(execute_with_threads(pattern, data, 20).wrong_elements == 0);
}

TEST_CASE("execution by threads: lost sums are found, in each repetition and the one to warm up") {
  const auto wrong_elements = [](const Pattern& pattern, int repetitions) {
    return execute_with_threads(pattern, all_reduce_data(4, 12), repetitions).wrong_elements;
  };
  CHECK(wrong_elements(made_lossy(made_exchange(4, 12), 3), 0) == 12);
  CHECK(wrong_elements(made_lossy(made_exchange(4, 12), 0), 2) == 36);
  CHECK(wrong_elements(made_lossy(made_with_switches(4, 12), 5), 0) == 4 * 6);
  const Pattern ring = build_collective(*collective_table(CollectiveOp::all_reduce).find("ring"), 4, 12);
  CHECK(wrong_elements(made_lossy(ring, 2), 0) > 0);
}

TEST_CASE("execution by threads: a time for each repetition") {
  const Execution done = execute_with_threads(made_exchange(3, 1000), all_reduce_data(3, 1000), 4);
  REQUIRE(done.times.size() == 4);
  for (const Seconds time : done.times) CHECK((time.value() > 0 && time.value() < 10));
}

TEST_CASE("execution by threads: errors reach the caller") {
  Pattern broken = stepwise(2, 1, [](std::uint64_t, std::vector<Transfer>&) { throw std::runtime_error("broken"); });
  CHECK_THROWS_WITH_AS(execute_with_threads(broken, all_reduce_data(2, 0), 1), "broken", std::runtime_error);
  const Pattern many = stepwise(most_execution_threads + 1, 0, {});
  CHECK_THROWS_AS(execute_with_threads(many, all_reduce_data(many.ranks, 0), 1), InputError);
}

TEST_CASE("execution by threads: many more threads than cores") {
  const std::uint32_t ranks = 200;
  const Pattern ring = build_collective(*collective_table(CollectiveOp::reduce_scatter).find("ring"), ranks, 500);
  const CollectiveData data(CollectiveOp::reduce_scatter, ranks, 500, {{0, 500}}, 0);
  CHECK(execute_with_threads(ring, data, 1).wrong_elements == 0);
}

}  // namespace
}  // namespace rehearse
