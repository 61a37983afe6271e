// Drawings and GraphViz text of topologies; prices.
#include <doctest/doctest.h>

#include <cmath>
#include <set>
#include <sstream>

#include "reports/topology_report.hpp"
#include "tests/support/relative.hpp"
#include "tests/unit/topologies_support.hpp"
#include "topologies/drawing.hpp"

namespace rehearse {
namespace {

using testing::build;
using testing::contains;

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST_CASE("topology dot: a line for each vertex and each cable") {
  TopologyJob job;
  job.parts.push_back({"topology",
                       "",
                       "say \"torus\"",
                       "dimension_order",
                       build("{topology: torus, dimensions: [3, 3], bandwidth: [12.5 GB/s, 400 Gb/s]}", 9),
                       {}});
  std::ostringstream out;
  write_topology_dot(job.parts.front(), out);
  const std::string text = out.str();
  CHECK(text.starts_with("graph \"say \\\"torus\\\"\" {\n"));
  CHECK(count(text, " -- ") == 18);
  CHECK(count(text, ", endpoint=") == 9);
  CHECK(
      contains(text, "\"endpoint0\" -- \"endpoint1\" [bandwidth=\"12.5 GB/s\", latency=\"500 ns\", class=\"x+/x-\"];"));
  CHECK(contains(text, "\"endpoint0\" -- \"endpoint3\" [bandwidth=\"50 GB/s\", latency=\"500 ns\", class=\"y+/y-\"];"));
}

void check_apart(const Drawing& drawing) {
  std::set<std::pair<long, long>> places;
  for (const DrawnVertex& vertex : drawing.vertices) places.insert({std::lround(vertex.x), std::lround(vertex.y)});
  CHECK(places.size() == drawing.vertices.size());
}

TEST_CASE("drawing: layouts follow the structure, and no two vertices share a place") {
  const auto drawn = [](const std::string& yaml, std::uint32_t endpoints, Drawing::Layout layout) {
    CAPTURE(yaml);
    const Topology t = build(yaml, endpoints);
    const Drawing drawing = draw(t);
    CHECK(drawing.layout == layout);
    CHECK(drawing.vertices.size() == boost::num_vertices(t.graph));
    CHECK(drawing.cables.size() == t.edges.size() / 2);
    check_apart(drawing);
    return drawing;
  };
  drawn("topology: switch", 8, Drawing::Layout::levels);
  drawn("topology: fat_tree", 64, Drawing::Layout::levels);
  drawn("{topology: fat_tree, arity: 6}", 54, Drawing::Layout::levels);
  drawn("topology: ring", 16, Drawing::Layout::circle);
  drawn("{topology: torus, dimensions: [8, 8]}", 64, Drawing::Layout::grid);
  drawn("{topology: torus, dimensions: [4, 4, 4]}", 64, Drawing::Layout::grid);
  drawn("{topology: torus, dimensions: [2, 3, 2, 3, 2]}", 72, Drawing::Layout::grid);
  drawn("topology: ring", 1, Drawing::Layout::circle);
}

TEST_CASE("drawing: a grid has rows and columns, and bows round its ends") {
  const Drawing drawing = draw(build("{topology: torus, dimensions: [4, 3]}", 12));
  for (std::uint32_t v = 0; v < 12; ++v) {
    CHECK(drawing.vertices[v].x == testing::relative(drawing.vertices[v % 4].x, 1e-12));
    CHECK(drawing.vertices[v].y == testing::relative(drawing.vertices[v / 4 * 4].y, 1e-12));
  }
  std::size_t bent = 0;
  for (const DrawnCable& cable : drawing.cables) bent += cable.bend != 0 ? 1U : 0U;
  CHECK(bent == 4 + 3);
}

TEST_CASE("drawing: many endpoints are bundles by switch") {
  const Drawing drawing = draw(build("{topology: fat_tree, radix: 32}", 256));
  CHECK(drawing.vertices.size() == 16 + 16 + 16);
  CHECK(drawing.vertices.front().shape == DrawnVertex::Shape::bundle);
  CHECK(drawing.vertices.front().name == "16 endpoints");
  std::uint32_t cables = 0;
  for (const DrawnCable& cable : drawing.cables) cables += cable.count;
  CHECK(cables == 512);
  check_apart(drawing);
}

// Three groups of two switches with an endpoint each, all switches of a group and all groups joined.
TEST_CASE("drawing: groups stand together in a circle") {
  Topology t;
  const TopologyLink link{"local", BytesPerSecond(1e9), Seconds(0)};
  for (std::uint32_t v = 0; v < 6; ++v) {
    add_vertex(t, {"endpoint" + std::to_string(v), true, v % 3});
    add_vertex(t, {"router" + std::to_string(v), false, v % 3});
    add_cable(t, 2 * v, 2 * v + 1, link);
  }
  for (std::uint32_t a = 0; a < 6; ++a)
    for (std::uint32_t b = 0; b < a; ++b) add_cable(t, 2 * a + 1, 2 * b + 1, link);
  const Drawing drawing = draw(t);
  CHECK(drawing.layout == Drawing::Layout::groups);
  check_apart(drawing);
  const auto apart = [&](std::uint32_t a, std::uint32_t b) {
    return std::hypot(drawing.vertices[a].x - drawing.vertices[b].x, drawing.vertices[a].y - drawing.vertices[b].y);
  };
  CHECK(apart(1, 7) < apart(1, 3));
  CHECK(apart(1, 7) < apart(1, 5));
}

TEST_CASE("topology svg: escaped, with a legend of every kind") {
  TopologyJob job;
  job.name = "a <b> & \"c\"";
  job.parts.push_back({"topology", "", "fat_tree", "d_mod_k", build("topology: fat_tree", 16), {}});
  std::ostringstream out;
  write_topology_svg(job, job.parts.front(), out);
  const std::string text = out.str();
  CHECK(contains(text, "a &lt;b&gt; &amp; &quot;c&quot;"));
  CHECK_FALSE(contains(text, "<b>"));
  CHECK(contains(text, ">port: 16 cables of 25 GB/s, 500 ns<"));
  CHECK(contains(text, ">leaf-spine: "));
  CHECK(text.ends_with("</svg>\n"));
}

}  // namespace
}  // namespace rehearse
