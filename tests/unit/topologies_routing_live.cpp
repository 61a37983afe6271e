// Routings off the shortest paths or by load: valiant, adaptive, ugal.
#include <doctest/doctest.h>

#include <map>

#include "tests/unit/topologies_routing_support.hpp"

namespace rehearse {
namespace {

using testing::build;
using testing::start_with;

std::set<std::uint32_t> groups_of(const Topology& t, const TopologyRoute& route) {
  std::set<std::uint32_t> groups;
  for (const std::uint32_t edge : route)
    if (const auto v = boost::target(t.edges[edge], t.graph); !t.graph[v].is_endpoint) groups.insert(t.graph[v].group);
  return groups;
}

TEST_CASE("valiant: in a dragonfly each other group is as likely") {
  const Topology t = build(testing::dragonfly_keys() + ", routing: valiant}", 40);
  std::map<std::set<std::uint32_t>, int> over;
  for (std::uint64_t flow = 0; flow < 3000; ++flow) {
    const TopologyRoute route = t.route(0, 17, flow);  // of groups 0 and 2
    ++over[groups_of(t, route)];
    CHECK(route.size() <= 2 + 2 + 3);  // two ports, two global links, a local one in each group
  }
  REQUIRE(over.size() == 3);
  for (const std::uint32_t group : {1u, 3u, 4u}) {
    CHECK(over.count({0, 2, group}) == 1);
    CHECK(std::abs(over[{0, 2, group}] - 1000) < 5 * 26);  // standard deviation 25.8
  }
}

TEST_CASE("valiant: seeds differ, and the way to the own group is cut where it turns") {
  const Topology t = build(testing::dragonfly_keys() + ", routing: valiant}", 40);
  const Topology other = build(testing::dragonfly_keys() + ", routing: valiant, seed: 1}", 40);
  int differ = 0;
  for (std::uint64_t flow = 0; flow < 300; ++flow) {
    if (t.route(0, 17, flow) != other.route(0, 17, flow)) ++differ;
    CHECK(t.route(0, 1, flow).size() == 2);                                  // endpoints of one router
    CHECK(groups_of(t, t.route(0, 7, flow)) == std::set<std::uint32_t>{0});  // one cable to each group: out is back
  }
  CHECK(std::abs(differ - 200) < 5 * 9);  // two in three
}

TEST_CASE("valiant: a tornado round a ring loads both directions") {
  const Topology minimal = build("{topology: ring}", 8), t = build("{topology: ring, routing: valiant}", 8);
  const std::uint64_t flows = 200;
  std::vector<std::uint32_t> load(t.edges.size(), 0), minimal_load = load;
  for (std::uint32_t source = 0; source < 8; ++source)
    for (std::uint64_t flow = 0; flow < flows; ++flow) {
      for (const std::uint32_t edge : t.route(source, (source + 3) % 8, flow)) ++load[edge];
      for (const std::uint32_t edge : minimal.route(source, (source + 3) % 8, flow)) ++minimal_load[edge];
    }
  CHECK(*std::max_element(minimal_load.begin(), minimal_load.end()) == 3 * flows);
  // Two random legs of 2 links on average, over two directions: 2 for each flow, less what cutting loops saves.
  CHECK(*std::max_element(load.begin(), load.end()) < 2.2 * flows);
  CHECK(*std::min_element(load.begin(), load.end()) > 0.5 * flows);
}

TEST_CASE("valiant: over a fat tree flows turn at every spine") {
  const Topology t = build("{topology: fat_tree, radix: 8, routing: valiant}", 32);
  std::map<std::uint32_t, int> up;
  for (std::uint64_t flow = 0; flow < 1000; ++flow) {
    const TopologyRoute route = t.route(0, 31, flow);
    CHECK((route.size() == 4 || route.size() == 6));  // 6 where it climbs again from another leaf
    ++up[route[1]];
  }
  CHECK(up.size() == 4);
}

TEST_CASE("adaptive: flows under way are evened out, and a loaded link is avoided") {
  const Topology t = build(testing::two_stage_keys() + ", routing: adaptive}", 8);
  std::vector<std::uint32_t> load(t.edges.size(), 0);
  for (std::uint64_t flow = 0; flow < 32; ++flow)
    for (const std::uint32_t edge : t.live_route(0, 4, flow, start_with(load))) ++load[edge];
  std::map<std::string, std::set<std::uint32_t>> loads;  // by the first letters of both ends
  for (std::uint32_t edge = 0; edge < t.edges.size(); ++edge) {
    const std::string name = t.link_name(edge);
    loads[name.substr(0, 1) + name.substr(name.find('>') + 1, 1)].insert(load[edge]);
  }
  CHECK(loads["sa"] == std::set<std::uint32_t>{8});
  CHECK(loads["ab"] == std::set<std::uint32_t>{2});
  CHECK(loads["bt"] == std::set<std::uint32_t>{8});

  const TopologyRoute alone = t.route(0, 4, 7);
  std::vector<std::uint32_t> one(t.edges.size(), 0);
  one[alone[2]] = 1;
  const TopologyRoute round = t.live_route(0, 4, 7, start_with(one));
  CHECK(round[1] == alone[1]);
  CHECK(round[2] != alone[2]);
}

TEST_CASE("adaptive: a link of twice the bandwidth takes twice the flows") {
  const Topology t = build(testing::two_stage_keys("50 GB/s") + ", routing: adaptive}", 8);
  std::vector<std::uint32_t> load(t.edges.size(), 0);
  for (std::uint64_t flow = 0; flow < 15; ++flow)
    for (const std::uint32_t edge : t.live_route(0, 4, flow, start_with(load))) ++load[edge];
  std::map<std::string, std::uint32_t> of;
  for (std::uint32_t edge = 0; edge < t.edges.size(); ++edge) of[t.link_name(edge)] = load[edge];
  CHECK(of["s->a0"] == 6);
  for (const char* name : {"s->a1", "s->a2", "s->a3"}) CHECK(of[name] == 3);
}

TEST_CASE("adaptive: ties are broken by a seeded hash") {
  const Topology t = build(testing::two_stage_keys() + ", routing: adaptive}", 8);
  const Topology other = build(testing::two_stage_keys() + ", routing: adaptive, seed: 5}", 8);
  std::set<TopologyRoute> routes;
  int differ = 0;
  for (std::uint64_t flow = 0; flow < 200; ++flow) {
    routes.insert(t.route(0, 4, flow));
    if (t.route(0, 4, flow) != other.route(0, 4, flow)) ++differ;
  }
  CHECK(routes.size() == 16);
  CHECK(differ > 150);  // 15 in 16 expected
}

TEST_CASE("ugal: shortest where load times hops says so, else Valiant's path of the same seed") {
  const Topology t = build(testing::dragonfly_keys() + ", routing: ugal, seed: 3}", 40);
  const Topology valiant = build(testing::dragonfly_keys() + ", routing: valiant, seed: 3}", 40);
  int detours = 0;
  for (std::uint64_t flow = 0; flow < 20; ++flow) {
    const TopologyRoute shortest = t.route(2, 17, flow), detour = valiant.route(2, 17, flow);
    REQUIRE(detour.size() > shortest.size());
    CHECK(shortest.size() == shortest_path(t, 2, 17).size());
    // The first link that only one of them has, and a port, which both have.
    const auto only = [](const TopologyRoute& of, const TopologyRoute& other) {
      return *std::find_if(of.begin(), of.end(), [&other](std::uint32_t edge) {
        return std::find(other.begin(), other.end(), edge) == other.end();
      });
    };
    for (std::uint32_t x = 0; x < 6; ++x)
      for (std::uint32_t y = 0; y < 6; ++y) {
        std::vector<std::uint32_t> load(t.edges.size(), 0);
        load[only(shortest, detour)] = x;
        load[only(detour, shortest)] = y;
        load[shortest.front()] = load[shortest.back()] = 9;
        const bool minimal = x * shortest.size() <= y * detour.size();
        CHECK(t.live_route(2, 17, flow, start_with(load)) == (minimal ? shortest : detour));
        detours += minimal ? 0 : 1;
      }
  }
  CHECK(detours > 100);
}

TEST_CASE("ugal: traffic from a group to the next leaves the one cable between them") {
  const auto busiest = [](const char* routing) {
    const Topology t = build(testing::dragonfly_keys() + ", routing: " + routing + "}", 40);
    std::vector<std::uint32_t> load(t.edges.size(), 0);
    std::uint32_t most = 0;
    for (std::uint32_t source = 0; source < 40; ++source) {
      const std::uint32_t destination = (source + 8) % 40;
      const TopologyRoute route =
          t.live_route ? t.live_route(source, destination, 0, start_with(load)) : t.route(source, destination, 0);
      for (const std::uint32_t edge : route) ++load[edge];
    }
    for (std::uint32_t edge = 0; edge < t.edges.size(); ++edge)
      if (t.link(edge).link_class == "global") most = std::max(most, load[edge]);
    return most;
  };
  CHECK(busiest("shortest_path") == 8);  // all endpoints of a group over one cable
  CHECK(busiest("adaptive") == 8);       // no other shortest path
  CHECK(busiest("ugal") <= 6);
}

}  // namespace
}  // namespace rehearse
