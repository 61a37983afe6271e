#include "topologies/grid.hpp"

#include <algorithm>
#include <limits>
#include <memory>

#include "topologies/parameters.hpp"

namespace rehearse {
namespace {

using Dimensions = std::vector<GridDimension>;
constexpr auto none = std::numeric_limits<std::uint32_t>::max();

struct Axis {
  std::uint32_t size = 1;
  std::uint32_t stride = 1;
  bool wrapped = true;
  std::vector<std::uint32_t> up, down;  // the link that leaves each vertex towards higher and lower coordinates
};

// One step up in a dimension from its last coordinate, over the cable that wraps it.
std::uint32_t over_wrap(const Dimensions& dimensions, std::size_t across, std::uint32_t vertex) {
  std::vector<std::uint64_t> add(dimensions.size(), 0);
  add[across] = 1;
  std::uint32_t stride = 1, result = 0;
  for (std::size_t d = 0; d < dimensions.size(); ++d) {
    const std::uint32_t size = dimensions[d].size;
    const std::uint64_t at = vertex / stride % size + add[d];
    for (std::size_t other = d + 1; other < dimensions[d].twist.size(); ++other)
      add[other] += at / size * dimensions[d].twist[other];
    result += static_cast<std::uint32_t>(at % size) * stride;
    stride *= size;
  }
  return result;
}

Axis cable_axis(Topology& topology, const Dimensions& dimensions, std::size_t d, std::uint32_t stride) {
  const auto vertices = static_cast<std::uint32_t>(topology.endpoints.size());
  const GridDimension& dimension = dimensions[d];
  Axis axis{dimension.size, stride, dimension.wrapped, std::vector<std::uint32_t>(vertices, none),
            std::vector<std::uint32_t>(vertices, none)};
  if (axis.size == 1) return axis;
  for (std::uint32_t v = 0; v < vertices; ++v) {
    const bool last = (v / stride) % axis.size + 1 == axis.size;
    if (last && !axis.wrapped) continue;
    const std::uint32_t next = last ? over_wrap(dimensions, d, v) : v + stride;
    if (axis.size == 2 && last && next + stride == v) {  // coordinate 0 made the one cable
      axis.up[v] = axis.down[v];
      axis.down[next] = axis.up[next];
      continue;
    }
    const std::uint32_t link = add_cable(topology, v, next, dimension.up);
    topology.graph[topology.edges[link + 1]] = dimension.down;
    axis.up[v] = link;
    axis.down[next] = link + 1;
  }
  return axis;
}

std::uint32_t walk_axis(const Axis& axis, std::uint32_t vertex, std::uint32_t destination, TopologyRoute& route) {
  const std::uint32_t from = (vertex / axis.stride) % axis.size, to = (destination / axis.stride) % axis.size;
  const std::uint32_t ahead = (to + axis.size - from) % axis.size;
  const bool upwards = axis.wrapped ? 2 * std::uint64_t{ahead} <= axis.size : to >= from;
  const std::uint32_t base = vertex - from * axis.stride;
  const std::uint32_t steps = upwards ? ahead : axis.size - ahead;
  for (std::uint32_t step = 0, at = from; step < steps; ++step) {
    route.push_back((upwards ? axis.up : axis.down)[base + at * axis.stride]);
    at = (at + (upwards ? 1 : axis.size - 1)) % axis.size;
  }
  return base + to * axis.stride;
}

}  // namespace

Topology build_grid(const Dimensions& dimensions) {
  std::uint32_t vertices = 1;
  for (const GridDimension& dimension : dimensions) vertices *= dimension.size;
  Topology topology;
  add_endpoints(topology, vertices);
  auto axes = std::make_shared<std::vector<Axis>>();
  std::uint32_t stride = 1;
  for (std::size_t d = 0; d < dimensions.size(); ++d) {
    axes->push_back(cable_axis(topology, dimensions, d, stride));
    stride *= dimensions[d].size;
  }
  if (!std::all_of(dimensions.begin(), dimensions.end(), [](const GridDimension& d) { return d.twist.empty(); })) {
    topology.default_routing = "ecmp";
    return topology;
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

std::string axis_name(std::size_t dimension) {
  static constexpr std::string_view letters = "xyzw";
  return dimension < letters.size() ? std::string(1, letters[dimension]) : "d" + std::to_string(dimension + 1);
}

Dimensions read_grid(Reader& params, const TopologyRequest& request, std::string_view what) {
  const std::string endpoints = std::to_string(request.endpoints);
  Reader list = params.child("dimensions");
  if (!params.has("dimensions")) {
    params.fault("dimensions",
                 "a " + std::string(what) + " needs its dimensions, such as [4, 4, 4], with the product " + endpoints);
    skip_links(params);
    return {};
  }
  const std::vector<std::uint32_t> sizes = read_sizes(list, none);
  const std::uint64_t product = product_of(sizes);
  if (!sizes.empty() && product != request.endpoints)
    list.fault("the dimensions hold " + std::string(product == none ? "over " : "") + std::to_string(product) +
               " endpoints, but " + endpoints + " are to be attached");
  if (sizes.empty() || product != request.endpoints) {
    skip_links(params);
    return {};
  }
  const std::vector<BytesPerSecond> bandwidths =
      read_bandwidths(params, sizes.size(), "dimensions", request.port_bandwidth);
  const std::vector<Seconds> latencies = read_latencies(params, sizes.size(), "dimensions", request.port_latency);
  Dimensions dimensions;
  for (std::size_t d = 0; d < sizes.size(); ++d)
    dimensions.push_back({sizes[d],
                          {axis_name(d) + "+", bandwidths[d], latencies[d]},
                          {axis_name(d) + "-", bandwidths[d], latencies[d]}});
  return dimensions;
}

}  // namespace rehearse
