// What holds for every topology of the table.
#include <doctest/doctest.h>

#include <cmath>
#include <set>

#include "tests/unit/topologies_support.hpp"
#include "topologies/drawing.hpp"
#include "topologies/survey.hpp"

namespace rehearse {
namespace {

// Of those that do not come without.
std::string needed_keys(std::string_view name, std::uint32_t n) {
  if (name == "torus" || name == "mesh") return ", dimensions: [4, " + std::to_string(n / 4) + "]";
  if (name != "custom") return "";
  std::string links;
  for (std::uint32_t e = 0; e < n; ++e) links += "{from: endpoint" + std::to_string(e) + ", to: s0}, ";
  return ", vertices: [s0], links: [" + links + "]";
}

TEST_CASE("every topology: endpoints as asked, connected, links in pairs with names of their own") {
  for (const TopologyRow& row : topology_table())
    for (const std::uint32_t n : {16u, 64u}) {
      CAPTURE(row.name);
      CAPTURE(n);
      const Topology t = testing::build("{topology: " + std::string(row.name) + needed_keys(row.name, n) + "}", n, 4);
      testing::check_structure(t, n);
      CHECK(testing::is_connected(t));
      const TopologyMetrics m = measure(t);
      CHECK(m.least_degree >= 1);
      CHECK(m.mean_distance >= 1.0);
      CHECK(m.mean_distance <= m.diameter);
      CHECK(m.bisection > BytesPerSecond(0));
      if (t.own_routings.contains(std::string(row.routing))) testing::check_routes(t);
    }
}

TEST_CASE("every topology: bounds of its bisection are in order, and its drawing has a place for everything") {
  for (const TopologyRow& row : topology_table()) {
    CAPTURE(row.name);
    const Topology t = testing::build("{topology: " + std::string(row.name) + needed_keys(row.name, 64) + "}", 64, 4);
    const TopologySurvey s = survey(t);
    CHECK(s.bisection.at_least > BytesPerSecond(0));
    CHECK(s.bisection.at_least <= s.bisection.at_most);
    CHECK(s.bisection.at_most <= measure(t).bisection);
    CHECK(s.bisection.fraction() <= 1 + 1e-9);
    REQUIRE(s.load);
    CHECK(s.load->all_to_all.throughput <= 1 + 1e-9);
    // What the routing does to all pairs is a way to send n^2 / 4 of them over any cut.
    CHECK(s.load->all_to_all.endpoint_rate.value() / 63 * 32 * 32 <= s.bisection.at_most.value() * (1 + 1e-9));
    const Drawing drawing = draw(t);
    CHECK(drawing.vertices.size() == boost::num_vertices(t.graph));
    std::set<std::pair<long, long>> places;
    for (const DrawnVertex& vertex : drawing.vertices) places.insert({std::lround(vertex.x), std::lround(vertex.y)});
    CHECK(places.size() == drawing.vertices.size());
  }
}

TEST_CASE("every topology: a key that it does not know is a fault") {
  for (const TopologyRow& row : topology_table()) {
    CAPTURE(row.name);
    CHECK(testing::contains(
        testing::faults("{topology: " + std::string(row.name) + ", dimensions: [4, 4], colour: red}", 16, 4),
        "colour"));
  }
}

}  // namespace
}  // namespace rehearse
