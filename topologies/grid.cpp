#include "topologies/grid.hpp"

#include <memory>

namespace rehearse {
namespace {

struct Axis {
  std::uint32_t size = 1;
  std::uint32_t stride = 1;
  std::vector<std::uint32_t> up, down;  // the link that leaves each vertex towards higher and lower coordinates
};

Axis cable_axis(Topology& topology, const GridDimension& dimension, std::uint32_t stride) {
  const auto vertices = static_cast<std::uint32_t>(topology.endpoints.size());
  Axis axis{dimension.size, stride, std::vector<std::uint32_t>(vertices), std::vector<std::uint32_t>(vertices)};
  if (axis.size == 1) return axis;
  for (std::uint32_t v = 0; v < vertices; ++v) {
    const std::uint32_t at = (v / stride) % axis.size;
    const bool last = at + 1 == axis.size;
    if (last && axis.size == 2) continue;  // coordinate 0 made the one cable
    const std::uint32_t next = last ? v - at * stride : v + stride;
    const std::uint32_t link = add_cable(topology, v, next, dimension.up);
    topology.graph[topology.edges[link + 1]] = dimension.down;
    axis.up[v] = link;
    axis.down[next] = link + 1;
    if (axis.size == 2) {
      axis.down[v] = link;
      axis.up[next] = link + 1;
    }
  }
  return axis;
}

std::uint32_t walk_axis(const Axis& axis, std::uint32_t vertex, std::uint32_t destination, TopologyRoute& route) {
  const std::uint32_t from = (vertex / axis.stride) % axis.size, to = (destination / axis.stride) % axis.size;
  const std::uint32_t ahead = (to + axis.size - from) % axis.size;
  const bool upwards = 2 * std::uint64_t{ahead} <= axis.size;
  const std::uint32_t base = vertex - from * axis.stride;
  const std::uint32_t steps = upwards ? ahead : axis.size - ahead;
  for (std::uint32_t step = 0, at = from; step < steps; ++step) {
    route.push_back((upwards ? axis.up : axis.down)[base + at * axis.stride]);
    at = (at + (upwards ? 1 : axis.size - 1)) % axis.size;
  }
  return base + to * axis.stride;
}

}  // namespace

Topology build_grid(const std::vector<GridDimension>& dimensions) {
  std::uint32_t vertices = 1;
  for (const GridDimension& dimension : dimensions) vertices *= dimension.size;
  Topology topology;
  for (std::uint32_t v = 0; v < vertices; ++v) add_vertex(topology, {"endpoint" + std::to_string(v), true});
  auto axes = std::make_shared<std::vector<Axis>>();
  std::uint32_t stride = 1;
  for (const GridDimension& dimension : dimensions) {
    axes->push_back(cable_axis(topology, dimension, stride));
    stride *= dimension.size;
  }
  topology.own_routings["dimension_order"] = [axes](std::uint64_t) -> RouteFunction {
    return [axes](std::uint32_t source, std::uint32_t destination, std::uint64_t) {
      TopologyRoute route;
      for (const Axis& axis : *axes) source = walk_axis(axis, source, destination, route);
      return route;
    };
  };
  return topology;
}

}  // namespace rehearse
