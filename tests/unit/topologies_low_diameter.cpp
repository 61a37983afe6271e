// HyperX and Slim Fly against their closed forms.
#include <doctest/doctest.h>

#include <numeric>

#include "tests/support/relative.hpp"
#include "tests/unit/topologies_support.hpp"

namespace rehearse {
namespace {

using testing::build;
using testing::check_structure;
using testing::contains;
using testing::faults;
using testing::port;
using testing::relative;

TEST_CASE("hyperx: closed forms") {
  using Sizes = std::vector<std::uint32_t>;
  for (const Sizes& sizes : {Sizes{1}, {4}, {2, 2, 2}, {3, 4}, {4, 4}, {1, 5}, {2, 3, 4}, {6, 6}})
    for (const std::uint32_t each : {1u, 2u, 3u}) {
      std::string text;
      std::uint32_t switches = 1, degree = 0, diameter = 2;
      double mean = 0;
      for (const std::uint32_t s : sizes) {
        text += (text.empty() ? "[" : ", ") + std::to_string(s);
        switches *= s;
        degree += s - 1;
        diameter += s > 1 ? 1 : 0;
        mean += 1 - 1.0 / s;
      }
      CAPTURE(text);
      CAPTURE(each);
      const std::uint32_t n = switches * each;
      const Topology t =
          build("{topology: hyperx, dimensions: " + text + "], endpoints_per_switch: " + std::to_string(each) + "}", n);
      const TopologyMetrics m = measure(t);
      CHECK(m.switches == switches);
      CHECK(m.cables == n + switches * degree / 2);
      CHECK(m.most_degree == each + degree);
      if (n > 1) CHECK(m.diameter == diameter);
      if (n > 1) CHECK(m.mean_distance == relative(2 + mean * n / (n - 1.0), 1e-12));
      if (sizes.back() % 2 == 0)
        CHECK(m.bisection.value() == relative(std::min(n / 2.0, switches * sizes.back() / 4.0) * port, 1e-12));
      check_structure(t, n);
      testing::check_routes(t);
    }
}

TEST_CASE("hyperx: defaults, order of dimensions, rates") {
  CHECK(measure(build("topology: hyperx", 64)).switches == 16);
  CHECK(measure(build("topology: hyperx", 65)).switches == 25);
  CHECK(measure(build("{topology: hyperx, dimensions: [2, 2]}", 9)).most_degree == 3 + 2);
  const Topology t = build("{topology: hyperx, dimensions: [3, 3], bandwidth: [1 GB/s, 2 GB/s, 4 GB/s]}", 9);
  const TopologyRoute route = t.route(0, 8, 0);
  REQUIRE(route.size() == 4);
  CHECK(t.link(route[0]).link_class == "port");
  CHECK(t.link_name(route[1]) == "switch0->switch2");
  CHECK(t.link(route[1]).link_class == "x");
  CHECK(t.link(route[2]).link_class == "y");
  CHECK(testing::rate_of(t, "port").first == relative(1, 1e-12));
  CHECK(testing::rate_of(t, "x").first == relative(2, 1e-12));
  CHECK(testing::rate_of(t, "y").first == relative(4, 1e-12));
}

std::uint32_t slim_fly_degree(std::uint32_t q) { return q % 4 == 3 ? (3 * q + 1) / 2 : (3 * q - q % 4) / 2; }

TEST_CASE("slim_fly: closed forms over primes and prime powers") {
  for (const std::uint32_t q : {3u, 4u, 5u, 7u, 8u, 9u, 11u, 13u, 16u}) {
    CAPTURE(q);
    const std::uint32_t routers = 2 * q * q, k = slim_fly_degree(q);
    const std::string keys = "{topology: slim_fly, q: " + std::to_string(q) + ", endpoints_per_router: 1}";
    const Topology t = build(keys, routers);  // one endpoint each: a distance between them is one of routers and 2
    check_structure(t, routers);
    CHECK(t.edges.size() == 2 * (routers + q * q * k));
    CHECK(testing::cables_by_class(t)["global"] == q * q * q);
    bool regular = true, near = true;
    for (std::size_t v = routers; v < 2 * routers; ++v) regular = regular && boost::out_degree(v, t.graph) == k + 1;
    CHECK(regular);
    for (const std::uint32_t from : {0u, q + 1, q * q, q * q + 2 * q + 1})
      for (std::uint32_t to = 0; to<routers; to += q> 9 ? 7 : 1) near = near && shortest_path(t, from, to).size() <= 4;
    CHECK(near);
  }
}

TEST_CASE("slim_fly: distances and the bandwidth between the halves with endpoints on every router") {
  for (const std::uint32_t q : {3u, 4u, 5u, 7u}) {
    CAPTURE(q);
    const std::uint32_t k = slim_fly_degree(q), p = (k + 1) / 2, n = 2 * q * q * p;
    const TopologyMetrics m = measure(build("topology: slim_fly", n));
    CHECK(m.switches == 2 * q * q);  // the smallest that holds them, with p endpoints each
    CHECK(m.most_degree == k + p);
    CHECK(m.diameter == 4);
    const double sum = 2.0 * (p - 1) + 3.0 * k * p + 4.0 * (n - p - k * p);
    CHECK(m.mean_distance == relative(sum / (n - 1.0), 1e-12));
    CHECK(m.bisection.value() == relative(n / 2 * port, 1e-12));
  }
  CHECK(measure(build("topology: slim_fly", 55)).switches == 2 * 4 * 4);  // q = 3 holds 2 * 9 * 3
  CHECK(measure(build("{topology: slim_fly, endpoints_per_router: 1}", 19)).switches == 2 * 4 * 4);
  const Topology t = build("{topology: slim_fly, bandwidth: [1 GB/s, 2 GB/s, 4 GB/s]}", 18);
  CHECK(testing::rate_of(t, "port").first == relative(1, 1e-12));
  CHECK(testing::rate_of(t, "local").first == relative(2, 1e-12));
  CHECK(testing::rate_of(t, "global").first == relative(4, 1e-12));
}

TEST_CASE("low diameter: faults say what would do") {
  CHECK(contains(faults("{topology: slim_fly, q: 6}", 8), "q: expected a prime power"));
  CHECK(contains(faults("{topology: slim_fly, q: 15}", 8), "the nearest are 13 and 16"));
  CHECK(contains(faults("{topology: slim_fly, q: 2}", 8), "q: "));
  CHECK(contains(faults("{topology: slim_fly, q: 0}", 8), "q: "));
  CHECK(contains(faults("{topology: slim_fly, q: 5}", 201),
                 "hold 200 endpoints, but 201 are to be attached; the smallest q is 7"));
  CHECK(contains(faults("{topology: slim_fly, endpoints_per_router: 0}", 8), "endpoints_per_router: "));
  CHECK(contains(faults("{topology: slim_fly, q: 257}", 8), "cables"));
  CHECK(contains(faults("{topology: hyperx, dimensions: [3, 0]}", 8), "dimensions[1]: "));
  CHECK(contains(faults("{topology: hyperx, dimensions: []}", 8), "dimensions: "));
  CHECK(contains(faults("{topology: hyperx, dimensions: [3, 3], endpoints_per_switch: 2}", 19),
                 "the least that holds them is 3"));
  CHECK(contains(faults("{topology: hyperx, endpoints_per_switch: 0}", 8), "endpoints_per_switch: "));
  CHECK(contains(faults("{topology: hyperx, dimensions: [3, 3], bandwidth: [1 GB/s, 2 GB/s]}", 9),
                 "bandwidth: expected 3"));
  CHECK(contains(faults("{topology: hyperx, dimensions: [30000, 30000]}", 9), "cables"));
}

}  // namespace
}  // namespace rehearse
