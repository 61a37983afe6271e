// Several trees: planes of a fat tree, rails with spines and without.
#include <doctest/doctest.h>

#include "tests/support/relative.hpp"
#include "tests/unit/topologies_support.hpp"

namespace rehearse {
namespace {

using testing::build;
using testing::check_routes;
using testing::check_structure;
using testing::contains;
using testing::faults;
using testing::port;
using testing::relative;

const std::string& name_of(const Topology& t, std::uint32_t edge, bool target) {
  const TopologyEdge& e = t.edges[edge];
  return t.graph[target ? boost::target(e, t.graph) : boost::source(e, t.graph)].name;
}

TEST_CASE("fat tree: planes are separate trees that share the port's bandwidth") {
  for (const std::uint32_t planes : {1u, 2u, 3u, 8u})
    for (const std::string keys : {"radix: 8", "levels: 3, radix: 4, routing: ecmp", "arity: 4"}) {
      CAPTURE(planes);
      CAPTURE(keys);
      constexpr std::uint32_t n = 16;
      const TopologyMetrics one = measure(build("{topology: fat_tree, " + keys + "}", n));
      const Topology t = build("{topology: fat_tree, " + keys + ", planes: " + std::to_string(planes) + "}", n);
      const TopologyMetrics m = measure(t);
      CHECK(m.switches == planes * one.switches);
      CHECK(m.cables == planes * one.cables);
      CHECK(boost::out_degree(t.endpoints[n - 1], t.graph) == planes);
      CHECK(m.diameter == one.diameter);
      CHECK(m.mean_distance == relative(one.mean_distance, 1e-12));
      CHECK(m.bisection.value() == relative(one.bisection.value(), 1e-9));
      CHECK(t.link(0).bandwidth.value() == relative(port / planes, 1e-12));
      check_structure(t, n);
      check_routes(t);
    }
  const Topology given = build("{topology: fat_tree, planes: 2, bandwidth: 10 GB/s}", 16);
  CHECK(testing::rate_of(given, "port").first == relative(10, 1e-12));
  CHECK(contains(faults("{topology: fat_tree, planes: 0}", 16), "planes: "));
  CHECK(contains(faults("{topology: fat_tree, planes: 32768}", 1024), "cables"));
}

TEST_CASE("fat tree: flows of an endpoint use the planes evenly, both ways, and each keeps to one") {
  constexpr std::uint32_t n = 32, planes = 4;
  for (const std::string routing : {"d_mod_k", "ecmp"}) {
    CAPTURE(routing);
    const Topology t = build("{topology: fat_tree, radix: 8, planes: 4, routing: " + routing + "}", n);
    std::map<std::pair<std::uint32_t, std::string>, int> out, in;
    for (std::uint32_t a = 0; a < n; ++a)
      for (std::uint32_t b = 0; b < n; ++b) {
        if (a == b) continue;
        const TopologyRoute route = t.route(a, b, 0);
        const std::string plane = name_of(t, route.front(), true).substr(0, 7);
        CHECK(plane.starts_with("plane"));
        for (std::size_t i = 0; i + 1 < route.size(); ++i) CHECK(name_of(t, route[i], true).starts_with(plane));
        ++out[{a, plane}];
        ++in[{b, plane}];
      }
    CHECK(out.size() == n * planes);
    CHECK(in.size() == n * planes);
    if (routing != "d_mod_k") continue;
    for (const auto& use : out) CHECK((use.second == 7 || use.second == 8));
    for (const auto& use : in) CHECK((use.second == 7 || use.second == 8));
  }
}

struct Rails {
  std::uint32_t nodes, nics, unit;
};
constexpr Rails rails_walk[] = {{4, 2, 2}, {8, 4, 4}, {6, 2, 4}, {5, 8, 2}, {1, 4, 1}, {9, 3, 4}, {16, 8, 16}};

TEST_CASE("rail_optimized: NICs of a rail share the leaf of their unit") {
  for (const Rails& r : rails_walk) {
    CAPTURE(r.nodes);
    CAPTURE(r.nics);
    const std::uint32_t n = r.nodes * r.nics, units = (r.nodes + r.unit - 1) / r.unit;
    const std::string keys = "{topology: rail_optimized, nodes_per_unit: " + std::to_string(r.unit);
    for (const std::string& routing : {std::string("d_mod_k"), std::string("ecmp")}) {
      const Topology t = build(keys + ", routing: " + routing + "}", n, r.nics);
      check_structure(t, n);
      check_routes(t);
      const TopologyMetrics m = measure(t);
      CHECK(m.switches == units * r.nics + r.unit);  // as many spines as a leaf has ports up
      CHECK(m.cables == n + units * r.nics * r.unit);
      bool as_said = true;
      for (std::uint32_t a = 0; a < n; ++a)
        for (std::uint32_t b = 0; b < n; ++b) {
          const bool same_leaf = a % r.nics == b % r.nics && a / r.nics / r.unit == b / r.nics / r.unit;
          as_said = as_said && (a == b || t.route(a, b, 3).size() == (same_leaf ? 2 : 4));
        }
      CHECK(as_said);
      CHECK(name_of(t, t.route(0, n - 1, 0).back(), false) ==
            (n == 1 ? "" : "leaf" + std::to_string(units * r.nics - 1)));
    }
  }
}

TEST_CASE("rail_optimized: the whole bandwidth between halves, or what oversubscription leaves") {
  CHECK(measure(build("{topology: rail_optimized, nodes_per_unit: 4}", 64, 4)).bisection.value() ==
        relative(32 * port, 1e-9));
  CHECK(measure(build("{topology: rail_optimized, nodes_per_unit: 4, oversubscription: 2}", 64, 4)).bisection.value() ==
        relative(16 * port, 1e-9));
  // 12 ports: 6 nodes a unit, so two units of 4 leaves; 12 leaves at most.
  const Topology t =
      build("{topology: rail_optimized, radix: 12, bandwidth: [10 GB/s, 20 GB/s], latency: [1 us, 2 us]}", 32, 4);
  CHECK(testing::rate_of(t, "port").first == relative(10, 1e-12));
  CHECK(testing::rate_of(t, "leaf-spine").first == relative(20, 1e-12));
  CHECK(testing::rate_of(t, "leaf-spine").second == relative(2, 1e-12));
  check_routes(build("{topology: rail_optimized, levels: 3, nodes_per_unit: 2}", 48, 4));
  check_routes(build("topology: rail_optimized", 80, 8));
}

TEST_CASE("rail_optimized: without spines a rail is alone") {
  for (const Rails& r : rails_walk)
    for (const std::string more : {"", ", levels: 2", ", levels: 3", ", levels: 2, nodes_per_unit: 4, routing: ecmp"}) {
      CAPTURE(r.nodes);
      CAPTURE(more);
      const std::uint32_t n = r.nodes * r.nics;
      const Topology t = build("{topology: rail_optimized, spine: false" + more + "}", n, r.nics);
      check_structure(t, n);
      if (more.empty()) CHECK(measure(t).switches == r.nics);
      const std::string levels = more.find("levels: 3") != std::string::npos ? "levels: 3" : "levels: 2";
      bool as_said = true, no_way = true;
      for (std::uint32_t a = 0; a < n; ++a)
        for (std::uint32_t b = 0; b < n; ++b) {
          if (a % r.nics == b % r.nics) {
            const TopologyRoute route = t.route(a, b, 0);
            as_said = as_said && testing::is_walk(t, route, a, b) && route.size() == shortest_path(t, a, b).size();
            continue;
          }
          try {
            static_cast<void>(t.route(a, b, 0));
            no_way = false;
          } catch (const NoRoute& none) {
            no_way = no_way && none.source == a && none.destination == b;
          }
        }
      CHECK(as_said);
      CHECK(no_way);
      CHECK(testing::is_connected(t) == (r.nics == 1));
    }
}

TEST_CASE("rail_optimized: faults") {
  CHECK(contains(faults("topology: rail_optimized", 16, 0), "different numbers"));
  CHECK(contains(faults("topology: rail_optimized", 15, 4), "15 endpoints are not nodes of 4"));
  CHECK(contains(faults("{topology: rail_optimized, nodes_per_unit: 0}", 16, 4), "nodes_per_unit: "));
  CHECK(contains(faults("{topology: rail_optimized, levels: 1}", 16, 4), "levels: "));
  CHECK(contains(faults("{topology: rail_optimized, spine: false, nodes_per_unit: 2}", 16, 4), "levels: "));
  CHECK(
      contains(faults("{topology: rail_optimized, nodes_per_unit: 4, radix: 8}", 64, 8),
               "at most 32 endpoints in 2 levels, but 64 are to be attached; the smallest even radix that fits is 16"));
  CHECK(contains(faults("{topology: rail_optimized, radix: 8}", 64, 8), "the smallest even radix that fits is 16"));
  CHECK(contains(faults("{topology: rail_optimized, levels: 8, nodes_per_unit: 32}", 64, 8), "cables"));
}

}  // namespace
}  // namespace rehearse
