// Fat trees under all-to-all traffic: every endpoint sends S bytes to every other at once, with d-mod-k routing.
#include <doctest/doctest.h>

#include <algorithm>
#include <tuple>

#include "tests/support/closed_forms.hpp"
#include "tests/support/relative.hpp"

namespace rehearse {
namespace {

using testing::Fabric;

constexpr double B = 25e9, S = 1e6, tolerance = 1e-9;

struct Exchange {
  Timeline timeline;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> pairs;  // of each op
};

Exchange all_to_all(const std::string& topology, std::uint32_t endpoints, double latency) {
  const Fabric fabric = testing::fabric_of(testing::topology_of(topology, endpoints, B, latency));
  ScheduleBuilder b(endpoints);
  Exchange out;
  for (std::uint32_t from = 0; from < endpoints; ++from)
    for (std::uint32_t to = 0; to < endpoints; ++to) {
      if (from == to) continue;
      b.add_flow({}, Kind::other, Rank{from}, Rank{to}, Bytes(static_cast<std::int64_t>(S)), fabric.path(from, to));
      out.pairs.emplace_back(from, to);
    }
  out.timeline = testing::replay(fabric.network, b.build());
  return out;
}

// The earliest and the latest end of the messages between endpoints below different (or the same) switches that hold
// `below` endpoints each.
std::pair<double, double> ends(const Exchange& e, std::uint32_t below, bool same) {
  std::pair<double, double> range{1e9, 0};
  for (std::size_t i = 0; i < e.pairs.size(); ++i)
    if ((e.pairs[i].first / below == e.pairs[i].second / below) == same) {
      range.first = std::min(range.first, e.timeline.end[i].value());
      range.second = std::max(range.second, e.timeline.end[i].value());
    }
  return range;
}

// All of these messages end at one time.
void check(const std::pair<double, double>& range, double expected) {
  CHECK(range.first == testing::relative(expected, tolerance));
  CHECK(range.second == testing::relative(expected, tolerance));
}

std::size_t degree_of_first_leaf(const std::string& topology, std::uint32_t endpoints) {
  const Topology t = testing::topology_of(topology, endpoints, B, 0);
  return boost::out_degree(endpoints, t.graph);  // the vertex after the endpoints
}

TEST_CASE("fat tree: all to all on two levels, oversubscribed") {
  // N endpoints below leaves of d, each with u links up of d B / (o u), o the oversubscription. d-mod-k spreads the
  // N - d destinations outside a leaf evenly over its u links up (u divides d), so each carries d (N - d) / u messages
  // and each of these has B / (o (N - d)): less than the even share B / (N - 1) of a port as o (N - d) > N - 1. The
  // links down of a spine carry as much. They start after four latencies: all end at 4 L + o (N - d) S / B.
  // The d - 1 messages of a port that stay below its leaf start after 2 L and have the port to themselves, B / (d - 1)
  // each, until 4 L; then what the others leave, B (1 - 1/o) / (d - 1).
  struct Tree {
    const char* keys;
    std::uint32_t endpoints, down, up;
    double oversubscription;
  };
  for (const Tree& tree :
       {Tree{"radix: 6, oversubscription: 2", 24, 4, 2, 2.0}, Tree{"radix: 12, oversubscription: 2", 48, 8, 4, 2.0},
        Tree{"radix: 8, oversubscription: 3", 24, 6, 2, 3.0}, Tree{"radix: 5, oversubscription: 4", 12, 4, 1, 4.0}}) {
    CAPTURE(tree.keys);
    constexpr double latency = 500e-9;
    const std::string topology = std::string("{topology: fat_tree, ") + tree.keys + "}";
    REQUIRE(degree_of_first_leaf(topology, tree.endpoints) == tree.down + tree.up);
    const double outside = tree.endpoints - tree.down, inside = tree.down - 1, o = tree.oversubscription;
    REQUIRE(o * outside > tree.endpoints - 1);
    const Exchange e = all_to_all(topology, tree.endpoints, latency);
    check(ends(e, tree.down, false), 4 * latency + o * outside * S / B);
    const double head_start = 2 * latency * B / inside;
    check(ends(e, tree.down, true), 4 * latency + (S - head_start) * inside / (B * (1 - 1 / o)));
  }
}

TEST_CASE("fat tree: all to all on two levels, non-blocking") {
  // As above with o = 1: a link up carries N - d messages at B, so the port, with N - 1, decides. It is full from 2 L,
  // when the first messages come, to the end: 2 L + (N - 1) S / B. Messages that stay below the leaf have their head
  // start and then B / (N - 1) like all others.
  for (const auto& [keys, endpoints, down] : {std::tuple{"radix: 8", 24u, 4u}, std::tuple{"radix: 12", 36u, 6u}}) {
    CAPTURE(keys);
    constexpr double latency = 500e-9;
    const std::string topology = std::string("{topology: fat_tree, ") + keys + "}";
    REQUIRE(degree_of_first_leaf(topology, endpoints) == 2 * down);
    const Exchange e = all_to_all(topology, endpoints, latency);
    check(ends(e, down, false), 2 * latency + (endpoints - 1) * S / B);
    check(ends(e, down, true), 4 * latency + (S - 2 * latency * B / (down - 1)) * (endpoints - 1) / B);
  }
}

TEST_CASE("fat tree: all to all is as on one switch where nothing is oversubscribed") {
  // (N - 1) S / B for every message, without latency, whatever the tree.
  for (const auto& [topology, endpoints] :
       {std::pair{"{topology: switch}", 27u}, std::pair{"{topology: fat_tree, radix: 8}", 32u},
        std::pair{"{topology: fat_tree, levels: 3, radix: 6}", 27u},
        std::pair{"{topology: fat_tree, arity: 4}", 16u}}) {
    CAPTURE(topology);
    const Exchange e = all_to_all(topology, endpoints, 0);
    check(ends(e, endpoints, true), (endpoints - 1) * S / B);
  }
}

TEST_CASE("fat tree: all to all on three levels, oversubscribed at the top or at the leaves") {
  // Above each subtree of D endpoints there is D B / o of capacity for D (N - D) messages that leave it: they end at
  // o (N - D) S / B where that is the tightest, without latency. D is 12 when the spines are oversubscribed (leaves of
  // 3, 4 of them below a spine), 4 when the leaves are.
  const Exchange top = all_to_all("{topology: fat_tree, levels: 3, radix: 6, oversubscription: [1, 2]}", 48, 0);
  check(ends(top, 12, false), 2 * (48 - 12) * S / B);
  const Exchange leaves = all_to_all("{topology: fat_tree, levels: 3, radix: 6, oversubscription: [2, 1]}", 48, 0);
  check(ends(leaves, 4, false), 2 * (48 - 4) * S / B);
}

}  // namespace
}  // namespace rehearse
