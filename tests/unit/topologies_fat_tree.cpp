// Fat trees: oversubscription, routings and the size that must build at once.
#include <doctest/doctest.h>

#include <chrono>
#include <map>
#include <set>

#include "tests/support/relative.hpp"
#include "tests/unit/topologies_support.hpp"

namespace rehearse {
namespace {

using testing::build;
using testing::check_routes;
using testing::port;

struct Capacity {
  double down = 0, up = 0;
};

// Capacity down and up of the switches whose name begins with `name`, by name.
std::map<std::string, Capacity> capacities(const Topology& t, const std::string& name) {
  std::map<std::string, Capacity> out;
  for (std::uint32_t edge = 0; edge < t.edges.size(); edge += 2) {  // forward links go up
    const std::string below = t.graph[boost::source(t.edges[edge], t.graph)].name;
    const std::string above = t.graph[boost::target(t.edges[edge], t.graph)].name;
    if (below.starts_with(name)) out[below].up += t.link(edge).bandwidth.value();
    if (above.starts_with(name)) out[above].down += t.link(edge).bandwidth.value();
  }
  return out;
}

TEST_CASE("fat tree: oversubscription is exact, also where the ports do not divide") {
  for (const double ratio : {1.0, 1.5, 2.0, 3.0, 4.0, 7.3})
    for (const std::uint32_t radix : {12u, 20u, 40u}) {
      CAPTURE(ratio);
      CAPTURE(radix);
      const std::string keys =
          "{topology: fat_tree, oversubscription: " + std::to_string(ratio) + ", radix: " + std::to_string(radix);
      const Topology small = build(keys + "}", 1);
      const auto degree = boost::out_degree(small.endpoints.size(), small.graph);  // of leaf0: 1 + its ports up
      CHECK(degree <= radix);
      // The largest leaf that fits: fill leaf 0 until a second leaf appears.
      std::uint32_t down = 1;
      while (capacities(build(keys + "}", down + 1), "leaf").size() == 1) ++down;
      CHECK(down + degree - 1 <= radix);
      const Topology full = build(keys + "}", 4 * down);
      for (const auto& leaf : capacities(full, "leaf")) {
        CAPTURE(leaf.first);
        CHECK(leaf.second.down / leaf.second.up == testing::relative(ratio, 1e-12));
      }
      CHECK(measure(full).bisection.value() == testing::relative(2 * down * port / ratio, 1e-9));
      check_routes(full, 10);
    }
}

TEST_CASE("fat tree: oversubscription and bandwidth by level") {
  const Topology t = build(
      "{topology: fat_tree, levels: 3, radix: 12, oversubscription: [2, 3], bandwidth: [25 GB/s, 50 GB/s, 100 GB/s],"
      " latency: [1 us, 2 us, 3 us]}",
      360);
  const auto leaves = capacities(t, "leaf"), spines = capacities(t, "spine");
  // A leaf: 9 down at 25 GB/s, ceil(9 * 25 / 50 / 2) = 3 up of 37.5 GB/s.
  CHECK(leaves.begin()->second.down == doctest::Approx(9 * 25e9));
  CHECK(leaves.begin()->second.up == doctest::Approx(9 * 25e9 / 2));
  // A spine: 10 down at 37.5 GB/s, ceil(10 * 37.5 / 100 / 3) = 2 up of 62.5 GB/s.
  CHECK(spines.begin()->second.down == doctest::Approx(10 * 37.5e9));
  CHECK(spines.begin()->second.up == doctest::Approx(10 * 37.5e9 / 3));
  const TopologyRoute route = t.route(0, 359, 0);
  REQUIRE(route.size() == 6);
  CHECK(t.link(route[0]).link_class == "port");
  CHECK(t.link(route[1]).link_class == "leaf-spine");
  CHECK(t.link(route[2]).link_class == "spine-core");
  CHECK(t.link(route[2]).bandwidth.value() == doctest::Approx(62.5e9));
  CHECK(t.link(route[3]).latency == Seconds(3e-6));
}

std::vector<int> load_of_shift(const Topology& t, std::uint32_t shift) {
  const auto n = static_cast<std::uint32_t>(t.endpoints.size());
  std::vector<int> load(t.edges.size(), 0);
  for (std::uint32_t source = 0; source < n; ++source)
    for (const std::uint32_t edge : t.route(source, (source + shift) % n, 0)) ++load[edge];
  return load;
}

TEST_CASE("fat tree: d-mod-k carries shift permutations without a conflict") {
  struct Tree {
    const char* yaml;
    std::uint32_t endpoints, below_spine;  // endpoints below one top-level subtree
  };
  for (const Tree& tree :
       {Tree{"{topology: fat_tree, radix: 8}", 32, 4}, Tree{"{topology: fat_tree, arity: 4}", 16, 4},
        Tree{"{topology: fat_tree, arity: 6}", 54, 9}, Tree{"{topology: fat_tree, levels: 3, radix: 8}", 64, 16},
        Tree{"{topology: fat_tree, levels: 4, radix: 4}", 32, 8}}) {
    CAPTURE(tree.yaml);
    const Topology t = build(tree.yaml, tree.endpoints);
    for (std::uint32_t shift = 1; shift < tree.endpoints; ++shift) {
      CAPTURE(shift);
      const std::vector<int> load = load_of_shift(t, shift);
      CHECK(*std::max_element(load.begin(), load.end()) == 1);
      // Where every flow passes the top, every link of the tree carries exactly one.
      if (shift >= tree.below_spine && tree.endpoints - shift >= tree.below_spine)
        CHECK(*std::min_element(load.begin(), load.end()) == 1);
    }
  }
}

TEST_CASE("fat tree: d-mod-k spreads destinations evenly over the links up of an oversubscribed leaf") {
  const Topology t = build("{topology: fat_tree, radix: 12, oversubscription: 2}", 96);  // 8 down, 4 up
  const std::vector<int> load = load_of_shift(t, 8);
  for (std::uint32_t edge = 0; edge < t.edges.size(); ++edge)
    CHECK(load[edge] == (t.link(edge).link_class == "port" ? 1 : 2));
}

TEST_CASE("fat tree: ecmp spreads flows by a seeded hash") {
  const std::string keys = "{topology: fat_tree, levels: 3, radix: 8, routing: ecmp";
  const Topology t = build(keys + "}", 64), same = build(keys + ", seed: 0}", 64),
                 other = build(keys + ", seed: 1}", 64);
  check_routes(t);
  std::map<std::uint32_t, int> used;  // the link up of leaf 0 that each flow takes
  int differ = 0;
  for (std::uint64_t flow = 0; flow < 4000; ++flow) {
    const TopologyRoute route = t.route(0, 63, flow);
    CHECK(testing::is_walk(t, route, 0, 63));
    CHECK(route == same.route(0, 63, flow));
    if (route != other.route(0, 63, flow)) ++differ;
    ++used[route[1]];
  }
  CHECK(used.size() == 4);
  // 1000 expected on each, standard deviation 27: five of them either way.
  for (const auto& [edge, count] : used) CHECK(std::abs(count - 1000) < 137);
  CHECK(differ > 3500);  // 15 in 16 expected
}

TEST_CASE("fat tree: 3,072 endpoints in three levels build well under half a second") {
  const auto begin = std::chrono::steady_clock::now();
  const Topology t = build("{topology: fat_tree, levels: 3, radix: 40}", 3072);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  CHECK(took.count() < 0.5);
  CHECK(t.edges.size() == 2 * (3072 + 154 * 20 + 8 * 20 * 20));
  check_routes(t, 3);
}

TEST_CASE("topologies: faults say where and what") {
  using testing::contains;
  using testing::faults;
  const std::string unknown = faults("{topology: fat_treee, oversubscription: 2}", 8);
  CHECK(contains(unknown, "did you mean 'fat_tree'"));
  CHECK_FALSE(contains(unknown, "oversubscription"));
  CHECK(contains(faults("{}", 8), "topology"));
  CHECK(contains(faults("{topology: switch, bandwith: 3 GB/s}", 8), "did you mean 'bandwidth'"));
  CHECK(contains(faults("{topology: switch, bandwidth: 0 GB/s}", 8), "bandwidth: expected more than zero"));
  CHECK(contains(faults("{topology: ring, latency: -1 us}", 8), "latency"));

  const std::string product = faults("{topology: torus, dimensions: [4, 4]}", 15);
  CHECK(contains(product, "dimensions: "));
  CHECK(contains(product, "16"));
  CHECK(contains(product, "15"));
  CHECK(contains(faults("{topology: torus, dimensions: [4, 0, -2]}", 16), "dimensions.1: "));
  CHECK(contains(faults("{topology: torus, dimensions: [4, 0, -2]}", 16), "dimensions.2: "));
  CHECK(contains(faults("{topology: torus, dimensions: []}", 1), "dimensions"));
  CHECK(contains(faults("{topology: torus, dimensions: 16}", 16), "expected a list"));
  CHECK(contains(faults("topology: torus", 16), "16"));
  CHECK(contains(faults("{topology: torus, dimensions: [4, 4], bandwidth: [1 GB/s]}", 16), "bandwidth: expected 2"));

  const std::string radix = faults("{topology: fat_tree, radix: 4}", 64);
  CHECK(contains(radix, "radix: "));
  CHECK(contains(radix, "at most 8"));
  CHECK(contains(radix, "64"));
  CHECK(contains(radix, "12"));
  CHECK(contains(faults("{topology: fat_tree, oversubscription: 0.5}", 64), "oversubscription: expected at least 1"));
  CHECK(contains(faults("{topology: fat_tree, oversubscription: [1, 0]}", 64), "oversubscription"));
  CHECK(contains(faults("{topology: fat_tree, levels: 3, oversubscription: [1, 0]}", 64), "oversubscription.1: "));
  CHECK(contains(faults("{topology: fat_tree, levels: 1, oversubscription: 2}", 64), "one level"));
  CHECK(contains(faults("{topology: fat_tree, levels: 0}", 64), "levels: "));
  CHECK(contains(faults("{topology: fat_tree, levels: 99}", 64), "levels: "));
  CHECK(contains(faults("{topology: fat_tree, arity: 5}", 10), "arity: "));
  CHECK(contains(faults("{topology: fat_tree, arity: 4}", 17), "17"));
  CHECK(contains(faults("{topology: fat_tree, arity: 4, levels: 3}", 16), "levels: "));
  CHECK(contains(faults("{topology: fat_tree, seed: 3}", 16), "seed: "));
  CHECK(contains(faults("{topology: fat_tree, routing: random}", 16), "routing: "));
  CHECK(contains(faults("{topology: fat_tree, levels: 8, radix: 64}", 16), "cables"));
}

}  // namespace
}  // namespace rehearse
