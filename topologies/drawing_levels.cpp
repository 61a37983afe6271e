// Trees: a row for each level of switches, the endpoints below.
#include <algorithm>
#include <limits>

#include "topologies/drawing_parts.hpp"

namespace rehearse {
namespace {

constexpr double least_height = 150;  // of a level
constexpr double endpoint_width = 20, bundle_width = 84, switch_width = 76, gap = 22;
constexpr auto none = std::numeric_limits<std::uint32_t>::max();

// The level of each vertex: 0 for endpoints; empty where a cable does not lead from one level to the next.
std::vector<std::uint32_t> levels_of(const Drawing& drawing) {
  std::vector<std::vector<std::uint32_t>> next(drawing.vertices.size());
  for (const DrawnCable& cable : drawing.cables) {
    next[cable.a].push_back(cable.b);
    next[cable.b].push_back(cable.a);
  }
  std::vector<std::uint32_t> level(next.size(), none), queue;
  for (std::uint32_t v = 0; v < next.size(); ++v)
    if (drawing.vertices[v].shape != DrawnVertex::Shape::network_switch) {
      level[v] = 0;
      queue.push_back(v);
    }
  const bool switches = queue.size() < next.size();
  for (std::size_t i = 0; i < queue.size(); ++i)
    for (const std::uint32_t v : next[queue[i]])
      if (level[v] == none) {
        level[v] = level[queue[i]] + 1;
        queue.push_back(v);
      }
  const bool steps = std::all_of(drawing.cables.begin(), drawing.cables.end(), [&](const DrawnCable& cable) {
    return level[cable.a] + 1 == level[cable.b] || level[cable.b] + 1 == level[cable.a];
  });
  return switches && steps && queue.size() == next.size() ? level : std::vector<std::uint32_t>{};
}

// Endpoints side by side, those on one switch together, in `row` sorted by `parent`; each switch above the middle of
// its own. The width of it all.
double place_endpoints(const std::vector<std::uint32_t>& row, const std::vector<std::uint32_t>& parent,
                       Drawing& drawing) {
  double x = 0;
  for (std::size_t first = 0, next = 0; first < row.size(); first = next) {
    double width = 0;
    for (; next < row.size() && parent[row[next]] == parent[row[first]]; ++next) {
      DrawnVertex& vertex = drawing.vertices[row[next]];
      const double room = vertex.shape == DrawnVertex::Shape::bundle ? bundle_width : endpoint_width;
      vertex.x = x + width + room / 2;
      width += room;
    }
    const double room = std::max(width, switch_width);
    for (std::size_t i = first; i < next; ++i) drawing.vertices[row[i]].x += (room - width) / 2;
    drawing.vertices[parent[row[first]]].x = x + room / 2;
    x += room + gap;
  }
  return x - gap;
}

}  // namespace

bool place_in_levels(Drawing& drawing) {
  const std::vector<std::uint32_t> level = levels_of(drawing);
  if (level.empty()) return false;
  // Of an endpoint, the first switch that it hangs on.
  std::vector<std::uint32_t> parent(level.size(), none);
  for (const DrawnCable& cable : drawing.cables) {
    const bool up = level[cable.a] < level[cable.b];
    const std::uint32_t low = up ? cable.a : cable.b, high = up ? cable.b : cable.a;
    if (level[low] == 0) parent[low] = std::min(parent[low], high);
  }
  const std::uint32_t top = *std::max_element(level.begin(), level.end());
  std::vector<std::vector<std::uint32_t>> rows(top + 1);
  for (std::uint32_t v = 0; v < level.size(); ++v) rows[level[v]].push_back(v);
  std::stable_sort(rows[0].begin(), rows[0].end(),
                   [&](std::uint32_t a, std::uint32_t b) { return parent[a] < parent[b]; });
  const double below = place_endpoints(rows[0], parent, drawing);
  double width = below;
  for (std::uint32_t l = 2; l <= top; ++l) width = std::max(width, switch_width * static_cast<double>(rows[l].size()));
  for (std::uint32_t l = 0; l <= top; ++l)
    for (std::size_t i = 0; i < rows[l].size(); ++i) {
      DrawnVertex& vertex = drawing.vertices[rows[l][i]];
      vertex.y = std::max(least_height, width / 8) * (top - std::max(l, 1U)) + (l == 0 ? least_height : 0);
      if (l < 2)
        vertex.x += (width - below) / 2;
      else
        vertex.x = width * (static_cast<double>(i) + 0.5) / static_cast<double>(rows[l].size());
    }
  drawing.layout = Drawing::Layout::levels;
  drawing.spacing = endpoint_width;
  return true;
}

}  // namespace rehearse
