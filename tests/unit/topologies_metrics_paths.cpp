// Distances, numbers of shortest and of disjoint paths, and throughput, in closed form.
#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "tests/support/relative.hpp"
#include "tests/unit/topologies_support.hpp"
#include "topologies/load.hpp"
#include "topologies/paths.hpp"
#include "topologies/survey.hpp"

namespace rehearse {
namespace {

using testing::build;
using testing::port;
using testing::relative;

TEST_CASE("paths: a fat tree has as many between leaves as spines, and as many that share no link") {
  const Topology t = build("{topology: fat_tree, radix: 16}", 64);  // 8 leaves of 8, 8 spines
  const PathMetrics paths = measure_paths(t);
  CHECK(paths.sources == 64);
  CHECK(paths.unreachable == 0);
  CHECK(paths.diameter() == 4);
  REQUIRE(paths.pairs.size() == 5);
  CHECK(paths.pairs[2] == 64 * 7);
  CHECK(paths.pairs[4] == 64 * 56);
  CHECK(paths.mean_distance() == relative((7 * 2 + 56 * 4) / 63.0, 1e-12));
  CHECK(paths.shortest_paths.least == 1);
  CHECK(paths.shortest_paths.mean == relative((7 + 56 * 8) / 63.0, 1e-12));
  CHECK(paths.shortest_paths.most == 8);
  const std::optional<DisjointPaths> disjoint = measure_disjoint_paths(t);
  REQUIRE(disjoint);
  CHECK(disjoint->between_switches);
  CHECK(disjoint->all);
  CHECK(disjoint->pairs == 8 * 7 / 2);
  CHECK(disjoint->paths.least == 8);
  CHECK(disjoint->paths.most == 8);
  const std::optional<PathMetrics> switches = measure_switch_distances(t);
  REQUIRE(switches);
  CHECK(switches->diameter() == 2);
}

TEST_CASE("paths: a k-ary tree has (k / 2)^2 between pods") {
  const PathMetrics paths = measure_paths(build("{topology: fat_tree, arity: 8}", 128));
  CHECK(paths.diameter() == 6);
  CHECK(paths.shortest_paths.most == 16);
}

TEST_CASE("paths: a torus has multinomials, twice for each dimension that is half way round") {
  for (const auto& row : std::vector<std::pair<std::string, double>>{
           {"[5, 5]", 6}, {"[4, 4]", 6 * 4}, {"[4, 4, 4]", 90 * 8}, {"[8, 8]", 70 * 4}, {"[2, 2, 2, 2]", 24}}) {
    const std::string& sizes = row.first;
    CAPTURE(sizes);
    const Value value = parse_yaml(sizes, "sizes");
    std::uint32_t n = 1;
    for (const Value& size : value.items) n *= static_cast<std::uint32_t>(std::stoul(size.text));
    const Topology t = build("{topology: torus, dimensions: " + sizes + "}", n);
    const PathMetrics paths = measure_paths(t);
    CHECK(paths.shortest_paths.least == 1);
    CHECK(paths.shortest_paths.most == row.second);
    CHECK(std::accumulate(paths.pairs.begin(), paths.pairs.end(), 0.0) == n * (n - 1.0));
    const std::optional<DisjointPaths> disjoint = measure_disjoint_paths(t);
    REQUIRE(disjoint);
    CHECK_FALSE(disjoint->between_switches);
    CHECK(disjoint->paths.least == measure(t).least_degree);  // vertex-transitive: Mader, 1971
    CHECK(disjoint->paths.most == measure(t).least_degree);
  }
}

TEST_CASE("paths: a sample says so, and is the same again") {
  const Topology t = build("{topology: torus, dimensions: [8, 8, 8]}", 512);
  const PathMetrics some = measure_paths(t, {.steps = 1e5}), again = measure_paths(t, {.steps = 1e5});
  CHECK(some.sources < 512);
  CHECK(some.sources > 10);
  CHECK(some.pairs == again.pairs);
  CHECK(some.mean_distance() == relative(measure_paths(t).mean_distance(), 1e-12));  // all sources see the same
  const std::optional<DisjointPaths> disjoint = measure_disjoint_paths(t, 10);
  REQUIRE(disjoint);
  CHECK(disjoint->pairs == 10);
  CHECK_FALSE(disjoint->all);
}

TEST_CASE("paths: what is parted is said") {
  Topology t;
  for (std::uint32_t v = 0; v < 4; ++v) add_vertex(t, {"endpoint" + std::to_string(v), true});
  const TopologyLink link{"cable", BytesPerSecond(port), Seconds(0)};
  add_cable(t, 0, 1, link);
  add_cable(t, 2, 3, link);
  t.route = [&t](std::uint32_t a, std::uint32_t b, std::uint64_t) { return shortest_path(t, a, b); };
  const TopologySurvey s = survey(t);
  CHECK(s.paths.unreachable == 8);
  CHECK(s.paths.diameter() == 1);
  CHECK(s.disjoint->paths.least == 0);
  CHECK(s.bisection.exact());
  CHECK(s.bisection.at_most == BytesPerSecond(0));
  CHECK_FALSE(s.load.has_value());
}

// A circle that goes one way, but for a cable between 0 and 1.
TEST_CASE("paths: links that go one way are walked that way only") {
  const Topology t = build(
      "{topology: custom, links: [{from: endpoint0, to: endpoint1}, {from: endpoint1, to: endpoint2, one_way: true}, "
      "{from: endpoint2, to: endpoint3, one_way: true}, {from: endpoint3, to: endpoint0, one_way: true}]}",
      4);
  const TopologySurvey s = survey(t);
  CHECK(s.cables == 4);
  REQUIRE(s.kinds.size() == 2);
  CHECK(s.kinds[0].name == "link");
  CHECK(s.kinds[0].count == 1);
  CHECK(s.kinds[1].name == "link, one way");
  CHECK(s.kinds[1].count == 3);
  CHECK(s.paths.pairs == std::vector<double>{0, 5, 4, 3});  // 1 to 0 is one link, not three
  CHECK(s.paths.unreachable == 0);
  CHECK(s.disjoint->paths.most == 1);
  CHECK(s.bisection.exact());
  CHECK(s.bisection.every_half);
  CHECK(s.bisection.at_most.value() == relative(port, 1e-9));
}

TEST_CASE("load: a switch and a non-blocking tree pass every shift and everybody to everybody") {
  for (const char* yaml : {"topology: switch", "topology: fat_tree", "{topology: fat_tree, arity: 8}"}) {
    CAPTURE(yaml);
    const std::optional<RoutedLoad> load = measure_load(build(yaml, 128));
    REQUIRE(load);
    CHECK(load->shifts == 127);
    CHECK(load->all_to_all.throughput == relative(1.0, 1e-12));
    CHECK(load->all_to_all.most_flows == 127);
    CHECK(load->worst_shift.throughput == relative(1.0, 1e-12));
    CHECK(load->permutation.throughput <= 1.0);
  }
}

TEST_CASE("load: everybody to everybody at 4:1 is what the cables up leave") {
  const Topology t = build("{topology: fat_tree, radix: 20, oversubscription: 4}", 64);  // leaves: 16 down, 4 up
  const std::optional<RoutedLoad> load = measure_load(t);
  REQUIRE(load);
  // A leaf's 16 endpoints have 48 flows each out of it, on 4 cables.
  CHECK(load->all_to_all.most_flows == 16 * 48 / 4);
  CHECK(load->all_to_all.throughput == relative(63.0 / (16 * 48 / 4), 1e-12));
  CHECK(t.link(load->all_to_all.link).link_class == "leaf-spine");
  CHECK(load->worst_shift.throughput == relative(0.25, 1e-12));
  CHECK(load->worst_shift.most_flows == 4);
  CHECK(load->permutation.throughput <= 0.5);
}

// Shift 1 uses one of a ring's two directions, on every cable once; flows half way round all go clockwise.
TEST_CASE("load: a ring") {
  const std::optional<RoutedLoad> load = measure_load(build("topology: ring", 8));
  REQUIRE(load);
  CHECK(load->all_to_all.most_flows == 1 + 2 + 3 + 4);
  CHECK(load->all_to_all.throughput == relative(7.0 / 10 / 2, 1e-12));
  CHECK(load->worst_shift.most_flows == 4);
  CHECK(load->worst_shift_by == 4);
  CHECK(load->worst_shift.throughput == relative(1.0 / 4 / 2, 1e-12));
}

TEST_CASE("load: a sample of shifts tells a regular tree's load") {
  const Topology t = build("{topology: fat_tree, radix: 20, oversubscription: 4}", 128);
  const std::optional<RoutedLoad> all = measure_load(t), some = measure_load(t, {.routes = 128 * 40});
  CHECK(some->shifts == 40);
  CHECK(some->all_to_all.flows == 127);
  CHECK(some->all_to_all.throughput == relative(all->all_to_all.throughput, 0.15));
}

TEST_CASE("survey: ports and kinds of cables") {
  const TopologySurvey s = survey(build("{topology: fat_tree, radix: 16, bandwidth: [25 GB/s, 50 GB/s]}", 64));
  CHECK(s.endpoints == 64);
  CHECK(s.least_degree == 1);
  CHECK(s.most_degree == 1);
  REQUIRE(s.kinds.size() == 2);
  CHECK(s.kinds[0].name == "port");
  CHECK(s.kinds[0].count == 64);
  CHECK(s.kinds[1].name == "leaf-spine");
  CHECK(s.kinds[1].count == s.cables - 64);
  CHECK(s.switch_ports == 2 * s.cables - 64);
  CHECK(s.injection == BytesPerSecond(25e9));
  const TopologySurvey ring = survey(build("topology: ring", 16));
  CHECK(ring.switches == 0);
  CHECK(ring.kinds.at(0).name == "clockwise/anticlockwise");
  CHECK(ring.kinds.at(0).count == 16);
  CHECK(ring.injection == BytesPerSecond(2 * port));
  const TopologySurvey one = survey(build("topology: switch", 1));
  CHECK(one.paths.diameter() == 0);
  CHECK_FALSE(one.load.has_value());
}

}  // namespace
}  // namespace rehearse
