// All else: vertices in a circle, group by group; what hangs on a switch outside of it.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "topologies/drawing_parts.hpp"

namespace rehearse {
namespace {

constexpr double spacing = 46, switch_spacing = 76, hanging = 24, bundle_distance = 90;
constexpr double turn = 2 * std::numbers::pi;

void put(DrawnVertex& vertex, double radius, double angle) {
  vertex.x = radius * std::sin(angle);
  vertex.y = -radius * std::cos(angle);
}

// Cables within a group, along the circle, bow towards its middle so that they can be told apart.
void bend_inwards(const std::vector<std::uint32_t>& group, Drawing& drawing) {
  for (DrawnCable& cable : drawing.cables) {
    const DrawnVertex &a = drawing.vertices[cable.a], &b = drawing.vertices[cable.b];
    const bool switches = a.shape == DrawnVertex::Shape::network_switch && a.shape == b.shape;
    if (!switches || group[cable.a] != group[cable.b]) continue;
    const double dx = b.x - a.x, dy = b.y - a.y;
    const double outwards = (a.x + b.x) * dy - (a.y + b.y) * dx;
    cable.bend = std::copysign(0.22 * std::hypot(dx, dy), -outwards);
  }
}

}  // namespace

void place_in_circle(const std::vector<std::uint32_t>& group, Drawing& drawing) {
  std::vector<std::uint32_t> degree(drawing.vertices.size(), 0), on(drawing.vertices.size());
  for (const DrawnCable& cable : drawing.cables)
    for (const auto& [v, w] : {std::pair(cable.a, cable.b), std::pair(cable.b, cable.a)}) {
      ++degree[v];
      on[v] = w;
    }
  const auto hangs = [&](std::uint32_t v) {
    return drawing.vertices[v].shape != DrawnVertex::Shape::network_switch && degree[v] == 1 &&
           drawing.vertices[on[v]].shape == DrawnVertex::Shape::network_switch;
  };
  std::vector<std::uint32_t> round;
  std::vector<std::vector<std::uint32_t>> below(drawing.vertices.size());
  for (std::uint32_t v = 0; v < drawing.vertices.size(); ++v) {
    if (hangs(v))
      below[on[v]].push_back(v);
    else
      round.push_back(v);
  }
  std::stable_sort(round.begin(), round.end(), [&](std::uint32_t a, std::uint32_t b) { return group[a] < group[b]; });
  // A vertex takes the room of what hangs on it; between groups there is room for two.
  std::vector<double> place;
  double length = 0;
  bool grouped = false;
  for (std::size_t i = 0; i < round.size(); ++i) {
    const bool apart = i > 0 && group[round[i]] != group[round[i - 1]];
    grouped = grouped || apart;
    const bool is_switch = drawing.vertices[round[i]].shape == DrawnVertex::Shape::network_switch;
    const double room =
        std::max(is_switch ? switch_spacing : spacing, hanging * static_cast<double>(below[round[i]].size()));
    place.push_back(length + (apart ? 2 * spacing : 0) + room / 2);
    length = place.back() + room / 2;
  }
  if (grouped) length += 2 * spacing;
  const double radius = std::max(length, 14 * spacing) / turn;
  for (std::size_t i = 0; i < round.size(); ++i) {
    const double angle = turn * (place[i] - place[0]) / std::max(length, 1.0);
    put(drawing.vertices[round[i]], radius, angle);
    const auto& ends = below[round[i]];
    for (std::size_t k = 0; k < ends.size(); ++k)
      put(drawing.vertices[ends[k]], radius + bundle_distance,
          angle + hanging / radius * (static_cast<double>(k) - static_cast<double>(ends.size() - 1) / 2));
  }
  if (grouped) bend_inwards(group, drawing);
  drawing.layout = grouped ? Drawing::Layout::groups : Drawing::Layout::circle;
  drawing.spacing = hanging;
}

}  // namespace rehearse
