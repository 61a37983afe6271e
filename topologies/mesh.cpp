// mesh: the endpoints themselves on a grid of any number of dimensions, none of them wrapped round.
//
//   topology: mesh
//   dimensions: [4, 4]              sizes, 1 and up; their product is the number of endpoints
//   bandwidth: 50 GB/s              of a cable, one direction, or a list with one for each dimension; default: the port
//   latency: [500 ns, 2 us]         likewise
//
// Numbers and link classes as in a torus; dimension-order routing. Dally and Towles, "Principles and Practices of
// Interconnection Networks", 2004, chapter 5. Of n endpoints a dimension of size s gives n (s - 1) / s cables, s - 1 of
// the diameter and n / (n - 1) (s^2 - 1) / (3 s) of the mean distance. Bisection across an even dimension: n / s
// cables.
#include "topologies/grid.hpp"

namespace rehearse {

Topology build_mesh(const TopologyRequest& request, Reader& params) {
  std::vector<GridDimension> dimensions = read_grid(params, request, "mesh");
  if (dimensions.empty()) return {};  // after a fault
  for (GridDimension& dimension : dimensions) dimension.wrapped = false;
  return build_grid(dimensions);
}

}  // namespace rehearse
