// Grids: x to the right, y down, z aslant; further dimensions repeat all that to the right and down.
#include <algorithm>
#include <cmath>
#include <map>

#include "topologies/drawing_parts.hpp"

namespace rehearse {
namespace {

constexpr double flat_spacing = 100, deep_spacing = 210;  // of two dimensions, of more

using Coordinates = std::vector<std::uint32_t>;

// Coordinates from the first vertex on, over links of classes that end in '+'; empty where this is no grid.
std::vector<Coordinates> coordinates_of(const Topology& topology) {
  std::map<std::string, std::size_t> dimension;  // of a class, in the order of links
  for (std::uint32_t e = 0; e < topology.edges.size(); ++e) {
    const std::string& name = topology.link(e).link_class;
    if (name.size() < 2 || (name.back() != '+' && name.back() != '-')) return {};
    if (name.back() == '+') dimension.try_emplace(name, dimension.size());
  }
  const std::size_t vertices = boost::num_vertices(topology.graph);
  if (dimension.empty() || vertices != topology.endpoints.size()) return {};
  const FlatGraph graph = flatten(topology);
  if (graph.one_way) return {};
  std::vector<Coordinates> at(vertices);
  at[0].assign(dimension.size(), 0);
  std::vector<std::uint32_t> queue{0};
  for (std::size_t next = 0; next < queue.size(); ++next)
    for (const FlatGraph::Arc& arc : graph.out(queue[next])) {
      const std::string& name = topology.link(arc.link).link_class;
      if (name.back() != '+' || !at[arc.to].empty()) continue;
      at[arc.to] = at[queue[next]];
      ++at[arc.to][dimension[name]];
      queue.push_back(arc.to);
    }
  return queue.size() == vertices ? at : std::vector<Coordinates>{};
}

struct Step {
  double x = 0, y = 0;
};

// From one vertex to the next in each dimension.
std::vector<Step> steps_of(const Coordinates& sizes, double spacing) {
  std::vector<Step> steps;
  double width = 0, height = 0;  // of what is placed so far
  for (std::size_t d = 0; d < sizes.size(); ++d) {
    const double gaps = sizes[d] - 1.0;
    if (d == 2)
      steps.push_back({0.82 * spacing / sizes[d], -0.6 * spacing / sizes[d]});
    else if (d % 2 == 0)
      steps.push_back({d == 0 ? spacing : width + 1.5 * spacing, 0});
    else
      steps.push_back({0, d == 1 ? spacing : height + 1.5 * spacing});
    width += gaps * steps.back().x;
    height += gaps * std::abs(steps.back().y);
  }
  return steps;
}

}  // namespace

bool place_in_grid(const Topology& topology, Drawing& drawing) {
  const std::vector<Coordinates> at = coordinates_of(topology);
  if (at.empty()) return false;
  Coordinates sizes(at.front().size(), 1);
  for (const Coordinates& c : at)
    for (std::size_t d = 0; d < c.size(); ++d) sizes[d] = std::max(sizes[d], c[d] + 1);
  const double spacing = sizes.size() > 2 ? deep_spacing : flat_spacing;
  const std::vector<Step> steps = steps_of(sizes, spacing);
  for (std::size_t v = 0; v < at.size(); ++v)
    for (std::size_t d = 0; d < sizes.size(); ++d) {
      drawing.vertices[v].x += at[v][d] * steps[d].x;
      drawing.vertices[v].y += at[v][d] * steps[d].y;
    }
  for (DrawnCable& cable : drawing.cables)
    for (std::size_t d = 0; d < sizes.size(); ++d) {
      const auto from = at[cable.a][d], to = at[cable.b][d];
      const std::uint32_t apart = from > to ? from - to : to - from;
      if (apart > 1) cable.bend = (from > to ? 1 : -1) * (sizes.size() > 2 ? 0.13 : 0.28) * spacing;
    }
  drawing.layout = Drawing::Layout::grid;
  drawing.spacing = sizes.size() > 2 ? spacing / std::max(2u, sizes[2]) : spacing;
  return true;
}

}  // namespace rehearse
