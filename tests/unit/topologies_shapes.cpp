// Every topology against the closed forms of its size, degree, diameter and bisection; every route a shortest walk.
#include <doctest/doctest.h>

#include <numeric>

#include "tests/unit/topologies_support.hpp"

namespace rehearse {
namespace {

using testing::build;
using testing::check_routes;
using testing::port;

TEST_CASE("switch: closed forms") {
  for (const std::uint32_t n : {1u, 2u, 3u, 8u, 33u}) {
    CAPTURE(n);
    const Topology t = build("topology: switch", n);
    const TopologyMetrics m = measure(t);
    CHECK(m.endpoints == n);
    CHECK(m.switches == 1);
    CHECK(m.cables == n);
    CHECK(m.least_degree == 1);
    CHECK(m.most_degree == n);
    CHECK(m.diameter == (n > 1 ? 2 : 0));
    CHECK(m.bisection.value() == doctest::Approx(n / 2 * port));
    testing::check_structure(t, n);
    check_routes(t);
  }
}

TEST_CASE("ring: closed forms") {
  for (const std::uint32_t n : {1u, 2u, 3u, 4u, 5u, 8u, 17u}) {
    CAPTURE(n);
    const Topology t = build("topology: ring", n);
    const TopologyMetrics m = measure(t);
    CHECK(m.switches == 0);
    CHECK(m.cables == (n > 2 ? n : n - 1));
    CHECK(m.least_degree == std::min(n - 1, 2u));
    CHECK(m.most_degree == std::min(n - 1, 2u));
    CHECK(m.diameter == n / 2);
    CHECK(m.bisection.value() == doctest::Approx((n > 2 ? 2 : n - 1) * port));
    testing::check_structure(t, n);
    check_routes(t);
  }
}

TEST_CASE("ring: the shorter way, clockwise where both are equally long") {
  const Topology t = build("topology: ring", 6);
  CHECK(t.link(t.route(0, 2, 0).front()).link_class == "clockwise");
  CHECK(t.link(t.route(0, 3, 0).front()).link_class == "clockwise");
  CHECK(t.link(t.route(0, 4, 0).front()).link_class == "anticlockwise");
  CHECK(t.link_name(t.route(5, 0, 0).front()) == "endpoint5->endpoint0");
}

std::string list_of(const std::vector<std::uint32_t>& sizes) {
  std::string text;
  for (const std::uint32_t s : sizes) text += (text.empty() ? "[" : ", ") + std::to_string(s);
  return text + "]";
}

TEST_CASE("torus: closed forms") {
  const std::vector<std::vector<std::uint32_t>> shapes{{1},       {2},       {7},       {2, 2},       {3, 4},
                                                       {4, 4},    {1, 5, 1}, {2, 3, 4}, {4, 4, 4},    {2, 2, 2, 2},
                                                       {3, 3, 3}, {2, 4, 6}, {5, 2, 8}, {2, 1, 3, 6}, {2, 2, 2, 2, 4}};
  for (const auto& sizes : shapes) {
    const auto n = std::accumulate(sizes.begin(), sizes.end(), 1u, std::multiplies<>());
    const std::string text = list_of(sizes);
    CAPTURE(text);
    const Topology t = build("{topology: torus, dimensions: " + text + "}", n);
    const TopologyMetrics m = measure(t);
    std::uint32_t degree = 0, diameter = 0, cables = 0;
    for (const std::uint32_t s : sizes) {
      degree += std::min(s - 1, 2u);
      cables += s > 2 ? n : s == 2 ? n / 2 : 0;
      diameter += s / 2;
    }
    CHECK(m.endpoints == n);
    CHECK(m.switches == 0);
    CHECK(m.cables == cables);
    CHECK(m.least_degree == degree);
    CHECK(m.most_degree == degree);
    CHECK(m.diameter == diameter);
    const std::uint32_t last = sizes.back();
    if (last % 2 == 0 && last == *std::max_element(sizes.begin(), sizes.end()))
      CHECK(m.bisection.value() == doctest::Approx((last > 2 ? 2.0 : 1.0) * n / last * port));
    testing::check_structure(t, n);
    check_routes(t);
  }
}

TEST_CASE("torus: dimensions in order, bandwidth and latency of each") {
  const Topology t =
      build("{topology: torus, dimensions: [4, 3], bandwidth: [10 GB/s, 20 GB/s], latency: [1 us, 2 us]}", 12);
  const TopologyRoute route = t.route(0, 2 + 4 * 2, 0);  // x: 2 up (both ways equal), y: 1 down
  REQUIRE(route.size() == 3);
  CHECK(t.link(route[0]).link_class == "x+");
  CHECK(t.link(route[1]).link_class == "x+");
  CHECK(t.link(route[2]).link_class == "y-");
  CHECK(t.link(route[0]).bandwidth == BytesPerSecond(10e9));
  CHECK(t.link(route[2]).bandwidth == BytesPerSecond(20e9));
  CHECK(t.link(route[2]).latency == Seconds(2e-6));
}

TEST_CASE("fat tree: closed forms of full two-level trees") {
  for (const std::uint32_t radix : {2u, 4u, 6u, 12u}) {
    CAPTURE(radix);
    const std::uint32_t n = radix * radix / 2;
    const Topology t = build("{topology: fat_tree, radix: " + std::to_string(radix) + "}", n);
    const TopologyMetrics m = measure(t);
    CHECK(m.switches == radix + radix / 2);
    CHECK(m.cables == 2 * n);
    CHECK(m.least_degree == 1);
    CHECK(m.most_degree == radix);
    CHECK(m.diameter == 4);
    CHECK(m.bisection.value() == doctest::Approx(n / 2 * port));
    testing::check_structure(t, n);
    check_routes(t);
  }
}

TEST_CASE("fat tree: closed forms of k-ary trees, and the three-level tree of that radix is the same") {
  for (const std::uint32_t k : {2u, 4u, 6u, 8u}) {
    CAPTURE(k);
    const std::uint32_t n = k * k * k / 4;
    const Topology t = build("{topology: fat_tree, arity: " + std::to_string(k) + "}", n);
    const TopologyMetrics m = measure(t);
    CHECK(m.switches == 5 * k * k / 4);
    CHECK(m.cables == 3 * n);
    CHECK(m.most_degree == k);
    CHECK(m.diameter == 6);
    CHECK(m.bisection.value() == doctest::Approx(n / 2 * port));
    testing::check_structure(t, n);
    check_routes(t);
    const Topology same = build("{topology: fat_tree, levels: 3, radix: " + std::to_string(k) + "}", n);
    REQUIRE(same.edges.size() == t.edges.size());
    CHECK(same.link_name(n) == t.link_name(n));
    CHECK(same.route(0, n - 1, 0) == t.route(0, n - 1, 0));
  }
}

TEST_CASE("fat tree: one to four levels, filled in part") {
  for (const std::uint32_t levels : {1u, 2u, 3u, 4u})
    for (const std::uint32_t n : {1u, 2u, 5u, 16u, 37u, 96u}) {
      CAPTURE(levels);
      CAPTURE(n);
      const Topology t = build("{topology: fat_tree, levels: " + std::to_string(levels) + "}", n);
      const TopologyMetrics m = measure(t);
      CHECK(m.endpoints == n);
      CHECK(m.diameter <= 2 * levels);
      CHECK(m.bisection.value() == doctest::Approx(n / 2 * port));  // non-blocking, whatever is filled
      testing::check_structure(t, n);
      check_routes(t);
    }
}

TEST_CASE("topology: a copy stands alone") {
  Topology copy;
  TopologyRoute expected;
  {
    const Topology original = build("{topology: fat_tree, oversubscription: 2}", 40);
    copy = original;
    expected = original.route(1, 39, 0);
  }
  CHECK(copy.route(1, 39, 0) == expected);
  CHECK(testing::is_walk(copy, expected, 1, 39));
  CHECK(copy.link(expected.front()).link_class == "port");
  check_routes(Topology(copy));
}

}  // namespace
}  // namespace rehearse
