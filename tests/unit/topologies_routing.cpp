// Every routing on several topologies; shortest_path, ecmp and round_robin; what YAML may not say.
#include <doctest/doctest.h>

#include <map>

#include "tests/unit/topologies_routing_support.hpp"

namespace rehearse {
namespace {

using testing::build;
using testing::build_routed;
using testing::Routed;

void check_routing(const Routed& on, const RoutingRow& row) {
  const Topology t = build_routed(on, row.name);
  const bool live = row.name == "round_robin" || row.name == "adaptive" || row.name == "ugal";
  CHECK(static_cast<bool>(t.live_route) == live);
  const std::vector<std::uint32_t> idle(t.edges.size(), 0);
  bool simple = true, shortest = true, pure = true, same_idle = true;
  for (std::uint32_t a = 0; a < on.endpoints; ++a)
    for (std::uint32_t b = 0; b < on.endpoints; ++b)
      for (const std::uint64_t flow : {0u, 5u}) {
        const TopologyRoute route = t.route(a, b, flow);
        simple = simple && testing::is_simple_walk(t, route, a, b);
        shortest = shortest && route.size() == shortest_path(t, a, b).size();
        pure = pure && route == t.route(a, b, flow);
        same_idle = same_idle && (!live || route == t.live_route(a, b, flow, testing::start_with(idle)));
      }
  CHECK(simple);
  CHECK(pure);
  CHECK(same_idle);
  if (row.name != "valiant") CHECK(shortest);
}

TEST_CASE("routing: routes are walks without repeated vertices; all but Valiant's are as short as can be") {
  std::map<std::string, int> topologies_with;
  for (const Routed& on : testing::topologies_to_route())
    for (const RoutingRow& row : routing_table()) {
      if (!testing::has_routing(on, row)) continue;
      CAPTURE(on.keys.substr(0, 60));
      CAPTURE(row.name);
      check_routing(on, row);
      ++topologies_with[std::string(row.name)];
    }
  for (const RoutingRow& row : routing_table()) CHECK(topologies_with[std::string(row.name)] >= 2);
}

TEST_CASE("routing: shortest_path is the path that searching anew finds") {
  for (const Routed& on : testing::topologies_to_route()) {
    CAPTURE(on.keys.substr(0, 60));
    const Topology t = build_routed(on, "shortest_path");
    bool same = true;
    for (std::uint32_t a = 0; a < on.endpoints; ++a)
      for (std::uint32_t b = 0; b < on.endpoints; ++b) same = same && t.route(a, b, 3) == shortest_path(t, a, b);
    CHECK(same);
  }
}

// How many of the first `flows` flows take each route.
std::map<TopologyRoute, int> counts(const Topology& t, std::uint32_t from, std::uint32_t to, int flows) {
  std::map<TopologyRoute, int> out;
  for (int flow = 0; flow < flows; ++flow) ++out[t.route(from, to, static_cast<std::uint64_t>(flow))];
  return out;
}

TEST_CASE("routing: ecmp spreads flows evenly over all paths, by a seed") {
  const Topology t = build(testing::two_stage_keys() + ", routing: ecmp}", 8);
  const std::map<TopologyRoute, int> taken = counts(t, 1, 6, 16000);
  // A first choice that decided the second as well would use 4 of them.
  REQUIRE(taken.size() == 16);
  double chi_square = 0;
  for (const auto& path : taken) chi_square += (path.second - 1000.0) * (path.second - 1000.0) / 1000.0;
  CHECK(chi_square < 44.3);  // 15 degrees of freedom: one in ten thousand is above
  CHECK(chi_square > 2.0);   // and one in twenty thousand below: not dealt out in turn

  const Topology same = build(testing::two_stage_keys() + ", routing: ecmp, seed: 0}", 8),
                 other = build(testing::two_stage_keys() + ", routing: ecmp, seed: 1}", 8);
  int differ = 0;
  for (std::uint64_t flow = 0; flow < 1600; ++flow) {
    CHECK(t.route(1, 6, flow) == same.route(1, 6, flow));
    if (t.route(1, 6, flow) != other.route(1, 6, flow)) ++differ;
  }
  CHECK(std::abs(differ - 1500) < 5 * 10);  // 15 in 16; standard deviation 9.7
}

TEST_CASE("routing: ecmp spreads pairs as it spreads flows") {
  const Topology t = build("{topology: torus, dimensions: [8, 8], routing: ecmp}", 64);
  std::map<std::string, int> first;  // from (x, y) to (x + 2, y + 2): x or y first
  for (std::uint32_t source = 0; source < 64; ++source)
    ++first[t.link(t.route(source, (source % 8 + 2) % 8 + 8 * ((source / 8 + 2) % 8), 0).front()).link_class];
  CHECK(first.size() == 2);
  CHECK(std::abs(first["x+"] - 32) <= 20);  // standard deviation 4
}

TEST_CASE("routing: round_robin takes the paths exactly in turn") {
  const Topology t = build(testing::two_stage_keys() + ", routing: round_robin}", 8);
  const std::vector<std::uint32_t> idle(t.edges.size(), 0);
  for (const std::uint32_t source : {0u, 3u})
    for (const std::uint64_t begin : {0u, 16u, 37u}) {
      std::set<TopologyRoute> paths;
      std::map<std::uint32_t, int> first;
      for (std::uint64_t number = begin; number < begin + 16; ++number) {
        const TopologyRoute route = t.live_route(source, 5, 99, testing::start_with(idle, number));
        paths.insert(route);
        ++first[route[1]];
      }
      CHECK(paths.size() == 16);
      for (const auto& link : first) CHECK(link.second == 4);
    }
  std::set<std::uint32_t> first;  // of all endpoints of a switch, their first flows
  for (std::uint32_t source = 0; source < 4; ++source)
    first.insert(t.live_route(source, 5, 0, testing::start_with(idle))[1]);
  CHECK(first.size() == 4);
}

TEST_CASE("routing: faults say what there is") {
  using testing::contains;
  using testing::faults;
  CHECK(
      contains(faults("{topology: ring, routing: ecpm}", 8), "routing: unknown routing 'ecpm'; did you mean 'ecmp'?"));
  const std::string foreign = faults("{topology: ring, routing: d_mod_k}", 8);
  CHECK(contains(foreign, "test.yaml:1: routing: this topology does not have 'd_mod_k'; it has: "));
  CHECK(contains(foreign, "shortest_path, ecmp, round_robin, adaptive, valiant, ugal, dimension_order"));
  CHECK_FALSE(contains(faults("{topology: switch, routing: dimension_order}", 8), "ugal, dimension_order"));
  for (const RoutingRow& row : routing_table()) {
    CAPTURE(row.name);
    const Routed on{row.name == "d_mod_k" ? "{topology: fat_tree" : "{topology: ring", 8};
    const std::string said = faults(on.keys + ", seed: 7, routing: " + std::string(row.name) + "}", on.endpoints);
    CHECK(contains(said, "has nothing to seed") == !row.seeded);
  }
  CHECK(contains(faults("{topology: ring, routing: ecmp, seed: -1}", 8), "seed: "));
  CHECK(contains(faults("{topology: ring, routing: ecmp, seed: many}", 8), "seed: "));
  CHECK(contains(faults("{topology: ring, routing: [ecmp]}", 8), "routing: "));
}

}  // namespace
}  // namespace rehearse
