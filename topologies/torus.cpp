// torus: the endpoints themselves on a grid of any number of dimensions, each dimension wrapped round.
//
//   topology: torus
//   dimensions: [4, 4, 8]           sizes, 1 and up; their product is the number of endpoints
//   twist: {x: [0, 0, 4], y: [0, 0, 4]}   default: none
//   bandwidth: 50 GB/s              of a cable, one direction, or a list with one for each dimension; default: the port
//   latency: [500 ns, 500 ns, 2 us] likewise
//
// Endpoint number = x + X (y + Y (z + ...)). Link classes "x+", "x-", "y+", ... (from the fifth dimension on "d5+",
// ...). Dimension-order routing, the shorter way round each dimension, towards higher coordinates where both ways are
// equally long. A dimension of size s > 2 gives one cable for each endpoint, size 2 one for each pair, size 1 none.
// Diameter: the sum of floor(s / 2). Mean distance of n endpoints: n / (n - 1) times the sum of s / 4 (even s) and
// (s^2 - 1) / (4 s) (odd s). Bisection across an even dimension s > 2: 2 n / s cables (s = 2: n / 2).
//
// `twist` names, for the dimensions that have one, what the cable from their last coordinate to their first adds to all
// coordinates: zero for the dimension itself and those before it, below its size for each after it. The torus is then
// the grid of all integers modulo the rows (0, ..., s_i, -t_i,i+1, ..., -t_i,n): Camarero, Martinez and Beivide,
// "Lattice Graphs for High-Scale Interconnection Topologies", IEEE TPDS 2015, where these are the lattice graphs by
// their Hermite normal forms. Every vertex looks alike. The twisted tori of TPU v4 (Jouppi et al., ISCA 2023):
//   k x k x 2k    {x: [0, 0, k], y: [0, 0, k]}   face-centred cubic; diameter floor(3 k / 2), untwisted 2 k
//   k x 2k x 2k   {x: [0, k, k]}                 body-centred cubic; diameter floor(3 k / 2), untwisted 5 k / 2
//   a x 2a        {x: [0, a]}                    diameter a, untwisted 3 a / 2
// (for even k and a). Dimension order does not find the way there: the default routing is then ecmp.
#include <algorithm>

#include "topologies/grid.hpp"
#include "topologies/parameters.hpp"

namespace rehearse {
namespace {

// What `twist` says of dimension `d`; empty where it shifts nothing.
std::vector<std::uint32_t> read_shifts(Reader& list, const std::vector<GridDimension>& dimensions, std::size_t d) {
  std::vector<Reader> items = list.items();
  if (list.is_sequence() && items.size() != dimensions.size()) {
    list.fault("expected " + std::to_string(dimensions.size()) + " shifts, one for each of the dimensions, found " +
               std::to_string(items.size()));
    return {};
  }
  std::vector<std::uint32_t> shifts;
  for (std::size_t other = 0; other < items.size(); ++other) {
    const auto shift = items[other].as<std::int64_t>();
    const std::int64_t end = other > d ? std::int64_t{dimensions[other].size} : 1;
    if (shift < 0 || shift >= end)
      items[other].fault(
          other > d ? "expected a shift from 0 to " + std::to_string(end - 1) + ", found " + std::to_string(shift)
                    : "a dimension shifts only those after it: expected 0, found " + std::to_string(shift));
    shifts.push_back(static_cast<std::uint32_t>(shift));
  }
  const bool twisted = std::any_of(shifts.begin(), shifts.end(), [](std::uint32_t shift) { return shift > 0; });
  if (twisted && dimensions[d].size == 1) list.fault("a dimension of size 1 has no cable to twist");
  return twisted ? shifts : std::vector<std::uint32_t>{};
}

void read_twist(Reader& params, std::vector<GridDimension>& dimensions) {
  Reader twist = params.child("twist");
  if (!params.has("twist")) return;
  for (std::size_t d = 0; d < dimensions.size(); ++d) {
    Reader list = twist.child(axis_name(d));
    if (!twist.is_mapping()) return;  // a fault, noted
    if (twist.has(axis_name(d))) dimensions[d].twist = read_shifts(list, dimensions, d);
  }
}

}  // namespace

Topology build_torus(const TopologyRequest& request, Reader& params) {
  std::vector<GridDimension> dimensions = read_grid(params, request, "torus");
  if (dimensions.empty()) {  // after a fault
    params.child("twist").mark_read();
    return {};
  }
  read_twist(params, dimensions);
  return params.any_fault() ? Topology{} : build_grid(dimensions);
}

}  // namespace rehearse
