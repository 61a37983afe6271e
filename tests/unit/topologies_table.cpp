// What holds for every topology of the table.
#include <doctest/doctest.h>

#include "tests/unit/topologies_support.hpp"

namespace rehearse {
namespace {

TEST_CASE("every topology: endpoints as asked, connected, links in pairs with names of their own") {
  for (const TopologyRow& row : topology_table())
    for (const std::uint32_t n : {16u, 64u}) {
      CAPTURE(row.name);
      CAPTURE(n);
      const bool sized = row.name == "torus" || row.name == "mesh";
      const Topology t = testing::build(
          "{topology: " + std::string(row.name) + (sized ? ", dimensions: [4, " + std::to_string(n / 4) + "]}" : "}"),
          n, 4);
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
