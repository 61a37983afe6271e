// Closed forms of the collectives other than all_reduce on an idle switch: alpha the latency from rank to rank, beta
// the seconds of a byte, c a share's or slot's time (Thakur, Rabenseifner and Gropp 2005).
#include <doctest/doctest.h>

#include <bit>
#include <cmath>

#include "tests/support/collective_cases.hpp"
#include "tests/support/collective_replay.hpp"
#include "tests/support/relative.hpp"

namespace rehearse {
namespace {

constexpr double alpha = 2e-6, bandwidth = 1e9, tolerance = 1e-6;
constexpr std::uint32_t rank_counts[] = {1, 2, 3, 4, 5, 7, 8, 16, 17};

const testing::IdleSwitch& idle_switch() {
  static const testing::IdleSwitch idle(17, alpha, bandwidth);
  return idle;
}

double floor_lg(std::uint32_t n) { return std::bit_width(n) - 1; }
double ceil_lg(std::uint32_t n) { return std::bit_width(n - 1); }
bool power_of_two(std::uint32_t n) { return std::has_single_bit(n); }

/// What is to be checked: the time of a row, of n shares of `share` bytes each, lies between two.
struct Bounds {
  double least = 0, most = 0;
};
struct Run {
  CollectiveOp op;
  std::string row;
  std::uint32_t ranks;
  CollectiveOptions options;
  Bounds bounds;
};

Pattern pattern_of(const Run& run, std::int64_t share, bool fluid) {
  const CollectiveRow* row = collective_table(run.op).find(run.row);
  REQUIRE(row != nullptr);
  CollectiveOptions options = run.options;
  options.fluid = fluid;
  return build_collective(*row, run.ranks, share * run.ranks, options);
}

void check(const std::vector<Run>& runs, std::int64_t share) {
  std::vector<testing::CollectiveReplay> replays;
  for (const Run& run : runs)
    for (const bool fluid : {false, true}) replays.push_back({pattern_of(run, share, fluid), fluid});
  const std::vector<double> seconds = testing::collective_seconds(idle_switch(), replays);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    CAPTURE(collective_op_name(runs[i].op));
    CAPTURE(runs[i].row);
    CAPTURE(runs[i].ranks);
    CAPTURE(runs[i].options.chunks);
    const double flow = seconds[2 * i], fluid = seconds[2 * i + 1];
    CHECK(flow >= runs[i].bounds.least * (1 - tolerance));
    CHECK(flow <= runs[i].bounds.most * (1 + tolerance));
    if (share * runs[i].ranks >= 1 << 20) CHECK(fluid == testing::relative(flow, 0.02));
  }
}

/// `bounds(n, c)`; a row that takes no time where there is one rank.
template <class F>
void add(std::vector<Run>& runs, CollectiveOp op, const std::string& row, std::int64_t share, F bounds,
         CollectiveOptions options = {}) {
  for (const std::uint32_t n : rank_counts)
    runs.push_back({op, row, n, options, n == 1 ? Bounds{} : bounds(n, static_cast<double>(share) / bandwidth)});
}

Bounds exactly(double seconds) { return {seconds, seconds}; }

/// Shares that Bruck's step k hands on.
std::uint32_t bruck_shares(std::uint32_t n, std::uint32_t k) { return std::min(1U << k, n - (1U << k)); }

/// Bruck's all_gather: a step waits for those before it whose shares it hands on; in the last there may be none.
double bruck_gather(std::uint32_t n, double c) {
  std::vector<double> arrived;
  double left = 0;
  for (std::uint32_t k = 0; (1U << k) < n; ++k) {
    double start = left;
    for (std::uint32_t j = 0; j < k; ++j)
      if (1U << j < bruck_shares(n, k)) start = std::max(start, arrived[j]);
    left = start + bruck_shares(n, k) * c;
    arrived.push_back(left + alpha);
  }
  return *std::ranges::max_element(arrived);
}

/// Recursive doubling, and halving backwards. Where n is not a power of two, the ranks that exchange have one or two
/// shares each, and a message may come while its receiver still gets one from before: all in all less than 5/4 S more.
Bounds recursive(std::uint32_t n, double c) {
  const double exchange = floor_lg(n) * alpha + (std::bit_floor(n) - 1) * c;
  if (power_of_two(n)) return exactly(exchange);
  const double least = exchange + 2 * alpha + (n + 1) * c;
  return {least, least + 1.25 * n * c};
}

TEST_CASE("all_gather and reduce_scatter cost what the papers say") {
  for (const std::int64_t share : {1200, 1'200'000}) {
    std::vector<Run> runs;
    for (const CollectiveOp op : {CollectiveOp::all_gather, CollectiveOp::reduce_scatter}) {
      const bool halving = op == CollectiveOp::reduce_scatter;
      add(runs, op, "ring", share, [](std::uint32_t n, double c) { return exactly((n - 1) * (alpha + c)); });
      add(runs, op, "direct", share, [](std::uint32_t n, double c) { return exactly(alpha + (n - 1) * c); });
      add(runs, op, "recursive", share, recursive);
      add(runs, op, "bruck", share, [halving](std::uint32_t n, double c) {
        const double most = ceil_lg(n) * alpha + (n - 1) * c;
        if (power_of_two(n)) return exactly(most);
        return halving ? Bounds{most - alpha, most} : exactly(bruck_gather(n, c));
      });
    }
    check(runs, share);
  }
}

TEST_CASE("all_gather and reduce_scatter in a switch: every byte once through a port, and a chunk of a share more") {
  constexpr std::int64_t share = 1'200'000;
  std::vector<Run> runs;
  for (const CollectiveOp op : {CollectiveOp::all_gather, CollectiveOp::reduce_scatter})
    for (const std::uint32_t n : rank_counts)
      for (const std::uint32_t chunks : {1U, 4U}) {
        const double c = share / bandwidth;
        runs.push_back({op,
                        "in_switch",
                        n,
                        {.nodes = nodes_of_size(n, n), .chunks = chunks},
                        n == 1 ? Bounds{} : exactly(alpha + n * c + c / chunks)});
      }
  check(runs, share);
}

TEST_CASE("broadcast and reduce cost what the papers say") {
  for (const std::int64_t share : {1200, 1'200'000})
    for (const std::uint32_t k : {1U, 4U, 40U}) {
      std::vector<Run> runs;
      for (const CollectiveOp op : {CollectiveOp::broadcast, CollectiveOp::reduce}) {
        add(runs, op, "chain", share,
            [k](std::uint32_t n, double c) { return exactly((n - 1) * alpha + (n - 2 + k) * n * c / k); },
            {.chunks = k});
        add(runs, op, "tree", share,
            [k](std::uint32_t n, double c) {
              const double part = n * c / k, most = ceil_lg(n) * alpha + 2 * (ceil_lg(n) - 1 + k) * part;
              if (n < 4) return Bounds{(n - 1) * alpha + k * part, most};
              return Bounds{2 * alpha + (2 * k + 1) * part, most};
            },
            {.chunks = k});
      }
      check(runs, share);
    }
}

TEST_CASE("binomial trees, and those with shares, cost what the papers say") {
  for (const std::int64_t share : {1200, 1'200'000}) {
    std::vector<Run> runs;
    for (const CollectiveOp op : {CollectiveOp::broadcast, CollectiveOp::reduce})
      add(runs, op, "binomial_tree", share, [](std::uint32_t n, double c) {
        const double steps = ceil_lg(n), most = steps * (alpha + n * c);
        return Bounds{power_of_two(n) ? most : alpha + steps * n * c, most};
      });
    add(runs, CollectiveOp::broadcast, "scatter_all_gather", share, [](std::uint32_t n, double c) {
      const double most = (ceil_lg(n) + n - 1) * alpha + 2 * (n - 1) * c;
      return Bounds{power_of_two(n) ? most : n * alpha + 2 * (n - 1) * c, most};
    });
    add(runs, CollectiveOp::reduce, "reduce_scatter_gather", share, [](std::uint32_t n, double c) {
      const double whole = n * c, core = std::bit_floor(n);
      const double exchange = 2 * floor_lg(n) * alpha + 2 * (core - 1) / core * whole;
      if (power_of_two(n)) return exactly(exchange);
      return Bounds{exchange + alpha, exchange + alpha + 2 * whole};
    });
    check(runs, share);
  }
}

double bits_below(std::uint32_t n) {
  double bits = 0;
  for (std::uint32_t i = 0; i < n; ++i) bits += std::popcount(i);
  return bits;
}

TEST_CASE("all_to_all and send_recv cost what the papers say") {
  for (const std::int64_t share : {1200, 1'200'000}) {
    std::vector<Run> runs;
    add(runs, CollectiveOp::all_to_all, "pairwise", share,
        [](std::uint32_t n, double c) { return exactly((n - 1) * (alpha + c)); });
    add(runs, CollectiveOp::all_to_all, "direct", share,
        [](std::uint32_t n, double c) { return exactly(alpha + (n - 1) * c); });
    add(runs, CollectiveOp::all_to_all, "bruck", share, [](std::uint32_t n, double c) {
      const double most = ceil_lg(n) * alpha + bits_below(n) * c;
      return Bounds{power_of_two(n) ? most : most - alpha, most};
    });
    for (const std::uint32_t m : {1U, 2U, 4U, 8U})
      for (const std::uint32_t nodes : {1U, 2U, 4U}) {
        const double c = static_cast<double>(share) / bandwidth, stretches = (m > 1 ? 1 : 0) + (nodes > 1 ? 1 : 0);
        if (m * nodes > 17) continue;
        runs.push_back({CollectiveOp::all_to_all,
                        "hierarchical",
                        m * nodes,
                        {.nodes = nodes_of_size(m * nodes, m)},
                        exactly(stretches * alpha + ((m - 1) * nodes + (nodes - 1) * m) * c)});
      }
    add(runs, CollectiveOp::send_recv, "direct", share,
        [](std::uint32_t n, double c) { return exactly(alpha + n * c); });
    check(runs, share);
  }
}

TEST_CASE("barriers cost their messages one after another") {
  std::vector<Run> runs;
  add(runs, CollectiveOp::barrier, "dissemination", 0,
      [](std::uint32_t n, double) { return exactly(ceil_lg(n) * alpha); });
  add(runs, CollectiveOp::barrier, "tree", 0, [](std::uint32_t n, double) { return exactly(2 * floor_lg(n) * alpha); });
  check(runs, 0);
}

}  // namespace
}  // namespace rehearse
