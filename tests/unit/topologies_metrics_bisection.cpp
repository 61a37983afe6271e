// The least bisection: closed forms, bounds that are bounds, and every half tried.
#include <doctest/doctest.h>

#include <numeric>

#include "engine/base/mixing.hpp"
#include "tests/support/relative.hpp"
#include "tests/unit/topologies_support.hpp"
#include "topologies/bisection.hpp"

namespace rehearse {
namespace {

using testing::build;
using testing::port;
using testing::relative;

void check_exact(const Topology& topology, double cables) {
  const Bisection found = measure_bisection(topology);
  CHECK(found.exact());
  CHECK(found.at_most.value() == relative(cables * port, 1e-6));
  CHECK(found.at_least.value() == relative(cables * port, 1e-6));
}

TEST_CASE("bisection: a switch passes half of its endpoints, a ring two cables") {
  for (const std::uint32_t n : {2u, 3u, 8u, 33u, 64u}) check_exact(build("topology: switch", n), n / 2);
  for (const std::uint32_t n : {3u, 4u, 7u, 16u, 32u}) check_exact(build("topology: ring", n), 2);
}

// Dally and Towles, Principles and Practices of Interconnection Networks, 2004, section 5: 2 n / k cables of a torus
// whose longest dimension k is even, n / 2 of a hypercube.
TEST_CASE("bisection: tori and hypercubes") {
  check_exact(build("{topology: torus, dimensions: [4, 4]}", 16), 8);
  check_exact(build("{topology: torus, dimensions: [8, 8]}", 64), 16);
  check_exact(build("{topology: torus, dimensions: [4, 4, 4]}", 64), 32);
  check_exact(build("{topology: torus, dimensions: [2, 4, 8]}", 64), 16);
  for (const std::uint32_t dimensions : {1u, 2u, 3u, 4u, 6u}) {
    std::string sizes = "2";
    for (std::uint32_t d = 1; d < dimensions; ++d) sizes += ", 2";
    check_exact(build("{topology: torus, dimensions: [" + sizes + "]}", 1u << dimensions), (1u << dimensions) / 2);
  }
}

TEST_CASE("bisection: fat trees have their oversubscription") {
  const Topology four = build("{topology: fat_tree, radix: 20, oversubscription: 4}", 64);  // 16 down, 4 up
  check_exact(four, 64 / 2 / 4.0);
  CHECK(measure_bisection(four).fraction() == relative(0.25, 1e-6));
  const Topology two = build("{topology: fat_tree, radix: 12, oversubscription: 2}", 64);  // 8 down, 4 up
  check_exact(two, 64 / 2 / 2.0);
  // Pods of 6 leaves: 8 ports down and 4 up on a leaf, 6 and 6 above.
  check_exact(build("{topology: fat_tree, levels: 3, radix: 12, oversubscription: [2, 1]}", 96), 96 / 2 / 2.0);
  CHECK(measure_bisection(build("topology: fat_tree", 64)).fraction() == relative(1.0, 1e-6));
  CHECK(measure_bisection(build("{topology: fat_tree, arity: 8}", 128)).fraction() == relative(1.0, 1e-6));
}

TEST_CASE("bisection: halves by number are not the least where numbers do not follow the structure") {
  // A torus numbered along its long dimension first is cut across the short one by number.
  const Topology t = build("{topology: torus, dimensions: [8, 4]}", 32);
  CHECK(measure(t).bisection.value() == relative(16 * port, 1e-9));
  check_exact(t, 8);
}

// The least over all halves of a graph of 12 vertices, each a bit, by its definition.
double least_cut(const Topology& t) {
  const std::size_t n = t.endpoints.size();
  double least = 1e300;
  for (std::uint32_t lower = 0; lower < 1u << n; ++lower) {
    if (static_cast<std::size_t>(__builtin_popcount(lower)) != n / 2) continue;
    double cut = 0;
    for (const TopologyEdge& e : t.edges)
      if ((lower >> boost::source(e, t.graph) & 1) != 0 && (lower >> boost::target(e, t.graph) & 1) == 0)
        cut += t.graph[e].bandwidth.value();
    least = std::min(least, cut);
  }
  return least;
}

TEST_CASE("bisection: of random graphs all halves are tried, and bounds of a search that may not are bounds") {
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    CAPTURE(seed);
    Topology t;
    for (std::uint32_t v = 0; v < 12; ++v) add_vertex(t, {"endpoint" + std::to_string(v), true});
    const auto cable = [&](std::uint32_t a, std::uint32_t b, std::uint64_t weight) {
      add_cable(t, a, b, {"cable", BytesPerSecond(port * static_cast<double>(1 + weight % 4)), Seconds(0)});
    };
    for (std::uint32_t v = 1; v < 12; ++v) cable(v, static_cast<std::uint32_t>(mix({seed, v}) % v), mix({seed, v, 1}));
    for (std::uint32_t i = 0; i < 10; ++i) {
      const auto a = static_cast<std::uint32_t>(mix({seed, i, 2}) % 12);
      cable(a, (a + 1 + static_cast<std::uint32_t>(mix({seed, i, 3}) % 11)) % 12, mix({seed, i, 4}));
    }
    const double least = least_cut(t);
    const Bisection all = measure_bisection(t), some = measure_bisection(t, {.halves = 0});
    CHECK(all.exact());
    CHECK(all.at_most.value() == relative(least, 1e-6));
    CHECK(some.at_least.value() <= least * (1 + 1e-6));
    CHECK(some.at_least.value() > 0);
    CHECK(some.at_most.value() >= least * (1 - 1e-6));
    CHECK(some.at_most.value() <= least * 1.5);
  }
}

}  // namespace
}  // namespace rehearse
