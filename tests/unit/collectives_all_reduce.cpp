// all_reduce on an idle switch: the closed forms that the files of the algorithms state, from both sides, the bounds of
// pipelines, and fluid against flow. (Numbers: collectives_numbers.cpp.)
#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <functional>
#include <string>

#include "tests/support/collective_replay.hpp"
#include "tests/support/relative.hpp"
#include "workloads/collectives/collective.hpp"

namespace rehearse {
namespace {

using testing::CollectiveReplay;

constexpr double alpha = 2e-6, beta = 1 / 25e9;
constexpr std::uint32_t most_ranks = 17;
constexpr std::uint32_t rank_counts[] = {1, 2, 3, 4, 5, 7, 8, 16, 17};

const testing::IdleSwitch& idle() {
  static const testing::IdleSwitch the(most_ranks, alpha, 1 / beta);
  return the;
}

/// Divides by ranks, chunks and halves.
std::int64_t some_bytes(std::uint32_t n) { return std::int64_t{512} * 240 * n; }

double lg(std::uint32_t n) { return std::bit_width(n - 1); }

/// Nodes of m ranks; the last may have fewer.
CollectiveOptions options(std::uint32_t n, std::uint32_t m, std::uint32_t chunks, bool fluid = false) {
  CollectiveOptions out{.chunks = chunks, .fluid = fluid};
  out.nodes.resize((n + m - 1) / m);
  for (std::uint32_t p = 0; p < n; ++p) out.nodes[p / m].push_back(p);
  return out;
}

const CollectiveRow& row_of(const std::string& name) { return *collective_table(CollectiveOp::all_reduce).find(name); }

Pattern pattern_of(const std::string& name, std::uint32_t n, std::int64_t bytes, const CollectiveOptions& with = {}) {
  return build_collective(row_of(name), n, bytes, with);
}

/// Replays and what each must take.
struct Checks {
  std::vector<CollectiveReplay> replays;
  std::vector<std::string> what;
  std::vector<double> least, most;

  void add(const std::string& name, std::uint32_t n, const CollectiveOptions& with, double from, double to) {
    replays.push_back({pattern_of(name, n, some_bytes(n), with), false});
    what.push_back(name + ", " + std::to_string(n) + " ranks, " + std::to_string(with.nodes.size()) + " nodes, " +
                   std::to_string(with.chunks) + " chunks");
    least.push_back(from);
    most.push_back(to);
  }
  void run(double tolerance) const {
    const std::vector<double> seconds = testing::collective_seconds(idle(), replays);
    REQUIRE(seconds.size() == what.size());
    for (std::size_t i = 0; i < seconds.size(); ++i) {
      CAPTURE(what[i]);
      CHECK(seconds[i] >= least[i] * (1 - tolerance));
      CHECK(seconds[i] <= most[i] * (1 + tolerance));
    }
  }
};

/// Seconds for S bytes among n ranks in nodes of m; below 0 where the row's file states none.
using ClosedForm = std::function<double(std::uint32_t n, std::uint32_t m, double S)>;

double ring(std::uint32_t n, std::uint32_t, double S) { return 2 * (n - 1) * (alpha + S / n * beta); }

double power_of_two_only(std::uint32_t n, double seconds) { return std::has_single_bit(n) ? seconds : -1; }

double two_levels(std::uint32_t n, std::uint32_t m, double S) {
  const double nodes = n / m;
  return n % m != 0 ? -1 : 2 * (m - 1) * (alpha + S / m * beta) + 2 * (nodes - 1) * (alpha + S / n * beta);
}

double tree(std::uint32_t n, std::uint32_t, double S) {
  return power_of_two_only(n, 2 * (alpha + S * beta) + 2 * (lg(n) - 1) * (alpha + 2 * S * beta));
}

double double_tree(std::uint32_t n, double S) {
  return power_of_two_only(n, 2 * (alpha + S / 2 * beta) + 2 * (lg(n) - 1) * (alpha + S * beta));
}

double nccl_tree(std::uint32_t n, std::uint32_t m, double S) {
  if (m == 1) return double_tree(n, S);
  return m == n ? 2 * (m - 1) * (alpha + S * beta) : -1;
}

double in_switch(std::uint32_t n, std::uint32_t m, double S) {
  if (m == 1) return double_tree(n, S);
  return m == n ? 2 * alpha + 2 * (1 + 1.0 / n) * S * beta : -1;
}

double torus(std::uint32_t n, std::uint32_t, double S) {
  std::uint32_t rows = 1;
  for (std::uint32_t r = 1; r * r <= n; ++r)
    if (n % r == 0) rows = r;
  return two_levels(n, n / rows, S);
}

struct StatedForm {
  const char* name;
  ClosedForm seconds;
};

std::vector<StatedForm> stated_forms() {
  using Ranks = std::uint32_t;
  return {{"ring", ring},
          {"bidirectional_ring", ring},
          {"tree", tree},
          {"double_binary_tree", [](Ranks n, Ranks, double S) { return double_tree(n, S); }},
          {"nccl_tree", nccl_tree},
          {"halving_doubling",
           [](Ranks n, Ranks, double S) {
             // Three: the third rank's half shares the second's port with the first one's vector.
             if (n == 3) return 4 * alpha + 3.5 * S * beta;
             return power_of_two_only(n, 2 * lg(n) * alpha + 2.0 * (n - 1) / n * S * beta);
           }},
          {"butterfly",
           [](Ranks n, Ranks, double S) {
             if (n == 3) return 2 * alpha + 4 * S * beta;
             return power_of_two_only(n, lg(n) * (alpha + S * beta));
           }},
          {"hierarchical", two_levels},
          {"torus_2d", torus},
          {"direct", [](Ranks n, Ranks, double S) { return 2 * (alpha + (n - 1) * S / n * beta); }},
          {"one_shot", [](Ranks n, Ranks, double S) { return alpha + (n - 1) * S * beta; }},
          {"in_switch", in_switch}};
}

TEST_CASE("all_reduce: the closed form of every algorithm, one chunk") {
  Checks checks;
  const std::vector<StatedForm> forms = stated_forms();
  CHECK(forms.size() == collective_table(CollectiveOp::all_reduce).names().size());
  for (const auto& [name, seconds] : forms)
    for (const std::uint32_t n : rank_counts)
      for (const std::uint32_t m : {1U, 2U, 4U, n}) {
        if (n == 1 || m > n) continue;
        const double expected = seconds(n, m, static_cast<double>(some_bytes(n)));
        if (expected > 0) checks.add(name, n, options(n, m, 1), expected, expected);
      }
  CHECK(checks.what.size() > 200);
  checks.run(1e-6);
}

TEST_CASE("all_reduce: one rank has nothing to do") {
  for (const CollectiveRow& row : collective_table(CollectiveOp::all_reduce))
    CHECK(build_collective(row, 1, 1000, {.chunks = 4}).steps() == 0);
}

TEST_CASE("all_reduce: pipelines lie between their bounds") {
  Checks checks;
  for (const std::uint32_t n : rank_counts)
    for (const std::uint32_t chunks : {3U, 5U, 16U}) {
      if (n == 1) continue;
      const double S = static_cast<double>(some_bytes(n)) * beta, chunk = S / chunks;
      const auto add = [&](const char* name, std::uint32_t m, double levels, double port) {
        // The way of one chunk, then another chunk every time that the busiest port has passed one.
        checks.add(name, n, options(n, m, chunks), std::max(2.0 * (n - 1) / n * S, levels * alpha),
                   2 * levels * (alpha + port * chunk) + (chunks - 1) * port * chunk);
      };
      add("tree", 1, lg(n), 3);
      add("double_binary_tree", 1, lg(n), 2);
      for (const std::uint32_t m : {1U, 2U, 4U}) add("nccl_tree", m, lg((n + m - 1) / m) + m - 1, 3);
      const double ports = 1 + 1.0 / n;
      checks.add("in_switch", n, options(n, n, chunks), ports * S + alpha,
                 2 * alpha + 2 * ports * chunk + (chunks - 1) * (ports * chunk + alpha));
    }
  checks.add("tree", 2, options(2, 1, 16), 17.0 / 16 * static_cast<double>(some_bytes(2)) * beta + 2 * alpha,
             17.0 / 16 * static_cast<double>(some_bytes(2)) * beta + 2 * alpha);
  checks.run(1e-6);
}

TEST_CASE("all_reduce: every rank's bytes are sent, and no more than the algorithm's") {
  const auto sent = [](const Pattern& pattern) {
    std::vector<std::int64_t> by_position(pattern.positions());
    std::vector<Transfer> step;
    for (std::uint64_t s = 0; s < pattern.steps(); ++s) {
      step.clear();
      pattern.step(s, step);
      for (const Transfer& t : step) by_position[t.source] += t.elements();
    }
    return by_position;
  };
  for (const std::uint32_t n : {2U, 3U, 4U, 8U, 17U})
    for (const CollectiveRow& row : collective_table(CollectiveOp::all_reduce)) {
      CAPTURE(row.name);
      CAPTURE(n);
      const std::int64_t S = some_bytes(n);
      const auto of_ranks = sent(build_collective(row, n, S, options(n, row.traits.needs_switch ? n : 1, 4)));
      std::int64_t sum = 0;
      for (std::uint32_t p = 0; p < n; ++p) sum += of_ranks[p];
      const std::string name(row.name);
      const bool more = name == "butterfly" || name == "one_shot" || (name == "halving_doubling" && lg(n) > lg(n - 1));
      if (row.traits.needs_switch)
        CHECK(sum == n * S + S);
      else if (!more && (std::has_single_bit(n) || name != "halving_doubling"))
        CHECK(sum == 2 * (n - 1) * S);
      else
        CHECK(sum >= 2 * (n - 1) * S);
      if (name == "ring" || name == "direct" || name == "torus_2d")
        for (std::uint32_t p = 0; p < n; ++p) CHECK(of_ranks[p] * n == 2 * (n - 1) * S);
    }
}

TEST_CASE("all_reduce: fluid takes as long as flow") {
  // Pipelines with 16 chunks, all others with one: chunks one after another overlap in flow only.
  std::vector<CollectiveReplay> replays;
  std::vector<std::string> what;
  std::vector<double> tolerance;
  for (const CollectiveRow& row : collective_table(CollectiveOp::all_reduce))
    for (const std::uint32_t n : {2U, 3U, 4U, 8U, 11U, 17U})
      for (const std::uint32_t m : {1U, 4U, n})
        for (const std::int64_t bytes : {std::int64_t{58254}, std::int64_t{1} << 20, std::int64_t{1} << 26}) {
          const std::uint32_t chunks = row.traits.pipelined ? 16 : 1;
          for (const bool fluid : {false, true})
            replays.push_back({build_collective(row, n, bytes, options(n, m, chunks, fluid)), fluid});
          what.push_back(std::string(row.name) + ", " + std::to_string(n) + " ranks, nodes of " + std::to_string(m) +
                         ", " + std::to_string(bytes) + " bytes");
          tolerance.push_back(row.traits.needs_switch && m > 1 && m < n ? 0.06 : 0.02);
        }
  const std::vector<double> seconds = testing::collective_seconds(idle(), replays);
  for (std::size_t i = 0; i < what.size(); ++i) {
    CAPTURE(what[i]);
    CHECK(seconds[2 * i + 1] == testing::relative(seconds[2 * i], tolerance[i]));
  }
}

}  // namespace
}  // namespace rehearse
