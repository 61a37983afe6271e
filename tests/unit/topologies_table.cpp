// What holds for every topology of the table.
#include <doctest/doctest.h>

#include "tests/unit/topologies_support.hpp"

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
