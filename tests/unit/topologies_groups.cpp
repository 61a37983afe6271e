// Topologies of groups: dragonfly and dragonfly_plus.
#include <doctest/doctest.h>

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

// Global cables between each two groups, by the groups of the switches that they join.
std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> between_groups(const Topology& t) {
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> count;
  for (std::uint32_t edge = 0; edge < t.edges.size(); edge += 2) {
    if (t.link(edge).link_class != "global") continue;
    const std::uint32_t a = t.graph[boost::source(t.edges[edge], t.graph)].group;
    const std::uint32_t b = t.graph[boost::target(t.edges[edge], t.graph)].group;
    CHECK(a != b);
    ++count[std::minmax(a, b)];
  }
  return count;
}

// Global cables of each switch that may have some.
std::vector<std::uint32_t> global_degrees(const Topology& t, const std::string& name) {
  std::vector<std::uint32_t> degrees;
  for (std::size_t v = 0; v < boost::num_vertices(t.graph); ++v) {
    if (!t.graph[v].name.starts_with(name)) continue;
    degrees.push_back(0);
    const auto [begin, end] = boost::out_edges(v, t.graph);
    for (auto e = begin; e != end; ++e) degrees.back() += t.graph[*e].link_class == "global" ? 1u : 0u;
  }
  return degrees;
}

// Every two groups have as many cables as any others, or one more; every port is used, but one of a group that is left
// over; a switch has at most its ports.
void check_global(const Topology& t, const std::string& name, std::uint32_t groups, std::uint32_t switches,
                  std::uint32_t ports) {
  const auto pairs = between_groups(t);
  CHECK(pairs.size() == groups * (groups - 1) / 2);
  const std::uint32_t fewest = switches * ports / (groups - 1);
  for (const auto& pair : pairs) CHECK((pair.second == fewest || pair.second == fewest + 1));
  const std::vector<std::uint32_t> degrees = global_degrees(t, name);
  REQUIRE(degrees.size() == groups * switches);
  for (std::uint32_t g = 0; g < groups; ++g) {
    std::uint32_t sum = 0;
    for (std::uint32_t s = 0; s < switches; ++s) {
      CHECK(degrees[g * switches + s] <= ports);
      sum += degrees[g * switches + s];
    }
    CHECK(sum == switches * ports - (switches * ports % 2) * (groups % 2));
  }
}

std::string dragonfly(std::uint32_t p, std::uint32_t a, std::uint32_t h, std::uint32_t g) {
  return "{topology: dragonfly, endpoints_per_router: " + std::to_string(p) +
         ", routers_per_group: " + std::to_string(a) + ", global_links: " + std::to_string(h) +
         ", groups: " + std::to_string(g) + "}";
}

TEST_CASE("dragonfly: closed forms with as many groups as there can be") {
  struct Size {
    std::uint32_t p, a, h;
  };
  for (const Size& s : {Size{1, 2, 1}, {2, 4, 2}, {1, 3, 1}, {2, 5, 1}, {3, 6, 3}, {1, 4, 3}}) {
    CAPTURE(s.a);
    CAPTURE(s.h);
    const std::uint32_t g = s.a * s.h + 1, routers = g * s.a, n = routers * s.p;
    const Topology t = build(dragonfly(s.p, s.a, s.h, g), n);
    const TopologyMetrics m = measure(t);
    CHECK(m.endpoints == n);
    CHECK(m.switches == routers);
    CHECK(testing::cables_by_class(t) == std::map<std::string, std::uint32_t>{{"port", n},
                                                                              {"local", routers * (s.a - 1) / 2},
                                                                              {"global", routers * s.h / 2}});
    CHECK(m.most_degree == s.p + s.a - 1 + s.h);
    CHECK(m.diameter == 5);
    check_structure(t, n);
    check_global(t, "router", g, s.a, s.h);
    for (std::size_t v = n; v < n + routers; ++v) CHECK(t.graph[v].group == (v - n) / s.a);
    // Local, global, local: those of the other groups at 3 over the router's own cable to the one at its end.
    const double nearest = 2.0 * (s.p - 1) + 3.0 * (s.a - 1) * s.p;
    const double far =
        s.p * (3.0 * s.h + 4.0 * s.h * (s.a - 1) + 4.0 * s.h * (s.a - 1) + 5.0 * s.h * (s.a - 1) * (s.a - 1));
    if (s.h == 1)
      CHECK(m.mean_distance == relative((nearest + far) / (n - 1.0), 1e-12));
    else  // two global cables one after the other are sometimes shorter
      CHECK(m.mean_distance <= (nearest + far) / (n - 1.0));
    if (g % 2 == 0) CHECK(m.bisection.value() <= g * g / 4.0 * port * (1 + 1e-12));
    if (g % 2 == 0 && s.h == 1 && s.p > 1) CHECK(m.bisection.value() == relative(g * g / 4.0 * port, 1e-12));
  }
}

TEST_CASE("dragonfly: fewer groups share their global links evenly, and no two routers are joined twice") {
  for (const std::uint32_t h : {1u, 2u, 3u, 4u, 5u, 8u})
    for (std::uint32_t g = 2; g <= std::min(2 * h * h + 1, 40u); ++g) {
      CAPTURE(h);
      CAPTURE(g);
      const Topology t = build(dragonfly(h, 2 * h, h, g), g);
      check_structure(t, g);  // names are unique
      check_global(t, "router", g, 2 * h, h);
    }
}

TEST_CASE("dragonfly: balanced by default, the smallest that holds the endpoints, filled from the left") {
  const auto shape = [](const std::string& keys, std::uint32_t n) {
    const Topology t = build("{topology: dragonfly" + keys + "}", n);
    CHECK(testing::is_connected(t));
    CHECK(measure(t).diameter <= 5);
    return measure(t).switches;
  };
  CHECK(shape("", 6) == 3 * 2);   // h = 1: 3 groups of 2
  CHECK(shape("", 7) == 1 * 4);   // h = 2: 9 groups of 4, of which 7 endpoints fill one
  CHECK(shape("", 50) == 7 * 4);  // 8 endpoints a group
  CHECK(shape("", 73) == 5 * 6);  // h = 3: 18 endpoints a group
  CHECK(shape(", global_links: 4", 64) == 2 * 8);
  CHECK(shape(", routers_per_group: 4", 64) == 8 * 4);
  CHECK(shape(", endpoints_per_router: 1, routers_per_group: 4", 5) == 2 * 4);
  CHECK(shape(", groups: 4", 64) == 4 * 6);  // 2 h^2 endpoints a group: h = 3
  const Topology t =
      build("{topology: dragonfly, bandwidth: [1 GB/s, 2 GB/s, 4 GB/s], latency: [1 us, 2 us, 3 us]}", 72);
  CHECK(testing::rate_of(t, "port").first == relative(1, 1e-12));
  CHECK(testing::rate_of(t, "local").first == relative(2, 1e-12));
  CHECK(testing::rate_of(t, "global").first == relative(4, 1e-12));
  CHECK(testing::rate_of(t, "global").second == relative(3, 1e-12));
}

TEST_CASE("dragonfly_plus: closed forms") {
  struct Size {
    std::uint32_t p, l, s, h;
  };
  for (const Size& z : {Size{1, 1, 1, 1}, {2, 2, 2, 2}, {3, 3, 3, 3}, {2, 3, 2, 1}, {1, 2, 4, 3}})
    for (const std::uint32_t g : {2u, 3u, z.s * z.h + 1}) {
      if (g > z.s * z.h + 1) continue;
      CAPTURE(z.p);
      CAPTURE(z.s);
      CAPTURE(g);
      const std::uint32_t n = g * z.l * z.p;
      const std::string keys = "{topology: dragonfly_plus, endpoints_per_leaf: " + std::to_string(z.p) +
                               ", leaves_per_group: " + std::to_string(z.l) +
                               ", spines_per_group: " + std::to_string(z.s) + ", global_links: " + std::to_string(z.h) +
                               ", groups: " + std::to_string(g) + "}";
      const Topology t = build(keys, n);
      const TopologyMetrics m = measure(t);
      CHECK(m.switches == g * (z.l + z.s));
      CHECK(testing::cables_by_class(t).at("local") == g * z.l * z.s);
      CHECK(m.diameter == 5);
      const double sum = 2.0 * (z.p - 1) + 4.0 * (z.l - 1) * z.p + 5.0 * (g - 1) * z.l * z.p;
      CHECK(m.mean_distance == relative(sum / (n - 1.0), 1e-12));
      check_structure(t, n);
      check_global(t, "spine", g, z.s, z.h);
    }
}

TEST_CASE("dragonfly_plus: balanced by default") {
  const auto switches = [](std::uint32_t n) { return measure(build("topology: dragonfly_plus", n)).switches; };
  CHECK(switches(2) == 2 * 2);   // r = 1: 2 groups of one leaf and one spine
  CHECK(switches(20) == 5 * 4);  // r = 2: 5 groups of 4 endpoints
  CHECK(switches(21) == 3 * 6);  // r = 3: 9 endpoints a group
  CHECK(switches(90) == 10 * 6);
  const Topology t = build("{topology: dragonfly_plus, bandwidth: [1 GB/s, 2 GB/s, 4 GB/s]}", 20);
  CHECK(testing::rate_of(t, "port").first == relative(1, 1e-12));
  CHECK(testing::rate_of(t, "local").first == relative(2, 1e-12));
  CHECK(testing::rate_of(t, "global").first == relative(4, 1e-12));
  for (std::size_t v = 20; v < boost::num_vertices(t.graph); ++v)
    CHECK(t.graph[v].group == (v < 30 ? (v - 20) / 2 : (v - 30) / 2));
}

TEST_CASE("groups: faults say what would hold the endpoints") {
  CHECK(contains(faults(dragonfly(2, 4, 2, 10), 16), "groups: groups of 8 global links"));
  CHECK(contains(faults(dragonfly(2, 4, 2, 3), 40), "at most 24 endpoints, but 40 are to be attached; 5 groups hold"));
  const std::string full = faults("{topology: dragonfly, global_links: 2}", 73);
  CHECK(contains(full, "at most 72 endpoints, but 73"));
  CHECK(contains(full, "endpoints_per_router: 3"));
  CHECK(contains(faults("{topology: dragonfly, endpoints_per_router: 0}", 8), "endpoints_per_router: "));
  CHECK(contains(faults("{topology: dragonfly, groups: 0}", 8), "groups: "));
  CHECK(contains(faults("{topology: dragonfly, global_links: 100000}", 8), "global_links: expected at most"));
  CHECK(contains(faults("{topology: dragonfly, routers_per_group: 30000}", 8), "cables"));
  CHECK(contains(faults(dragonfly(1, 2, 4, 2), 4), "global_links: so many global links would join two routers twice"));
  CHECK(contains(faults("{topology: dragonfly, bandwidth: [1 GB/s, 2 GB/s]}", 8), "bandwidth: expected 3 values"));
  CHECK(contains(faults("{topology: dragonfly_plus, leaves_per_group: 0}", 8), "leaves_per_group: "));
  CHECK(contains(faults("{topology: dragonfly_plus, spines_per_group: 2, groups: 9}", 8), "up to 5 of them, found 9"));
  CHECK(contains(faults("{topology: dragonfly_plus, spines_per_group: 2}", 21), "endpoints_per_leaf: 3"));
}

}  // namespace
}  // namespace rehearse
