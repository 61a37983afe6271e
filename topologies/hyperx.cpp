// hyperx: switches on a grid, each joined to all others of its row in every dimension; endpoints on every switch.
//
//   topology: hyperx
//   dimensions: [8, 8]       S_1, ..., S_L, in switches; default: two dimensions, the smallest S with S^3 endpoints
//   endpoints_per_switch: 8  T; default: as many as fill the switches
//   bandwidth: 50 GB/s       of a cable, one direction, or a list for the port and each of the dimensions; default: the
//                            endpoint's port
//   latency: 500 ns          likewise
//
// Ahn, Binkert, Davis, McLaren and Schreiber, "HyperX: Topology, Routing, and Packaging of Efficient Large-Scale
// Networks", SC 2009 (its K_i, cables side by side, are here the bandwidth of a dimension). L = 1 is a full mesh of
// switches, S_i = 2 a hypercube, L = 2 a flattened butterfly. Endpoint e hangs on switch floor(e / T); switch number =
// x + S_1 (y + S_2 (z + ...)). Link classes "port", "x", "y", ... Dimension-order routing.
//
// R = S_1 ... S_L switches of T + sum (S_i - 1) ports, R sum (S_i - 1) / 2 cables between them; diameter 2 + L (of
// dimensions above 1). n = R T endpoints: mean distance 2 + n / (n - 1) sum (1 - 1 / S_i). Bisection across an even
// dimension S: R S / 4 cables, or the ports of n / 2 endpoints where they are less.
#include <memory>

#include "topologies/grid.hpp"
#include "topologies/parameters.hpp"

namespace rehearse {
namespace {

// One dimension: `links[v * size + to]` is the link of switch v to coordinate `to`.
struct Row {
  std::uint32_t size = 1, stride = 1;
  std::vector<std::uint32_t> links;
};

Row cable_row(Topology& topology, std::uint32_t first, std::uint32_t size, std::uint32_t stride,
              const TopologyLink& link) {
  const auto switches = static_cast<std::uint32_t>(boost::num_vertices(topology.graph)) - first;
  Row row{size, stride, std::vector<std::uint32_t>(std::size_t{switches} * size)};
  for (std::uint32_t v = 0; v < switches; ++v) {
    const std::uint32_t at = v / stride % size;
    for (std::uint32_t to = at + 1; to < size; ++to) {
      const std::uint32_t other = v + (to - at) * stride;
      const std::uint32_t up = add_cable(topology, first + v, first + other, link);
      row.links[std::size_t{v} * size + to] = up;
      row.links[std::size_t{other} * size + at] = up + 1;
    }
  }
  return row;
}

TopologyRoute cross_rows(const std::vector<Row>& rows, std::uint32_t each, std::uint32_t source,
                         std::uint32_t destination) {
  if (source == destination) return {};
  TopologyRoute route{2 * source};
  std::uint32_t at = source / each;
  for (const Row& row : rows) {
    const std::uint32_t from = at / row.stride % row.size, to = destination / each / row.stride % row.size;
    if (from == to) continue;
    route.push_back(row.links[std::size_t{at} * row.size + to]);
    at = at - from * row.stride + to * row.stride;
  }
  route.push_back(2 * destination + 1);
  return route;
}

std::vector<std::uint32_t> read_switches(Reader& params, std::uint32_t endpoints) {
  Reader list = params.child("dimensions");
  if (params.has("dimensions")) return read_sizes(list, most_count);
  std::uint32_t size = 1;
  while (std::uint64_t{size} * size * size < endpoints) ++size;
  return {size, size};
}

// T; 0 after a fault.
std::uint32_t read_endpoints_each(Reader& params, std::uint64_t switches, std::uint32_t endpoints) {
  const std::uint64_t fitting = (endpoints + switches - 1) / switches;
  const std::uint64_t each =
      params.has("endpoints_per_switch") ? read_count(params, "endpoints_per_switch", 1) : fitting;
  params.child("endpoints_per_switch");  // a known key
  if (each >= fitting) return static_cast<std::uint32_t>(each);
  params.fault("endpoints_per_switch", std::to_string(switches) + " switches hold " + std::to_string(each * switches) +
                                           " endpoints, but " + std::to_string(endpoints) +
                                           " are to be attached; the least that holds them is " +
                                           std::to_string(fitting));
  return 0;
}

}  // namespace

Topology build_hyperx(const TopologyRequest& request, Reader& params) {
  const std::vector<std::uint32_t> sizes = read_switches(params, request.endpoints);
  if (sizes.empty()) {  // after a fault
    params.child("endpoints_per_switch").mark_read();
    skip_links(params);
    return {};
  }
  std::vector<std::string> classes{"port"};
  double ports = 0;  // of a switch, to others
  for (std::size_t d = 0; d < sizes.size(); ++d) {
    classes.push_back(axis_name(d));
    ports += sizes[d] - 1.0;
  }
  const std::vector<TopologyLink> links = read_links(params, classes, request);
  const std::uint64_t switches = product_of(sizes);
  const std::uint32_t each = read_endpoints_each(params, switches, request.endpoints);
  if (each == 0 || !check_cables(params, request.endpoints + static_cast<double>(switches) * std::max(1.0, ports / 2)))
    return {};
  Topology topology;
  add_endpoints(topology, request.endpoints);
  const auto count = static_cast<std::uint32_t>(switches);
  const std::uint32_t first = add_switches(topology, count, "switch", count);
  attach_endpoints(topology, first, each, links[0]);
  const auto rows = std::make_shared<std::vector<Row>>();
  for (std::uint32_t d = 0, stride = 1; d < sizes.size(); stride *= sizes[d++])
    rows->push_back(cable_row(topology, first, sizes[d], stride, links[d + 1]));
  topology.own_routings["dimension_order"] = [rows, each](std::uint64_t) -> RouteFunction {
    return [rows, each](std::uint32_t source, std::uint32_t destination, std::uint64_t) {
      return cross_rows(*rows, each, source, destination);
    };
  };
  return topology;
}

}  // namespace rehearse
