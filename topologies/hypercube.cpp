// hypercube: 2^n endpoints, each joined to the n whose numbers differ from its own in one binary digit.
//
//   topology: hypercube
//   bandwidth: 50 GB/s     of a cable, one direction, or a list with one for each dimension; default: the port
//   latency: 500 ns        likewise
//
// Sullivan and Bashkow, "A large scale, homogeneous, fully distributed parallel machine, I", ISCA 1977. Link classes
// "d1", "d2", ..., from the lowest digit up. Routing e-cube: the digits in that order (dimension_order). 2^n endpoints:
// n 2^(n-1) cables, degree and diameter n, mean distance n 2^(n-1) / (2^n - 1), bisection 2^(n-1) cables.
#include <bit>

#include "topologies/grid.hpp"
#include "topologies/parameters.hpp"

namespace rehearse {

Topology build_hypercube(const TopologyRequest& request, Reader& params) {
  if (!std::has_single_bit(request.endpoints)) {
    params.fault("a hypercube has a power of two of endpoints, " + std::to_string(std::bit_floor(request.endpoints)) +
                 " or " + std::to_string(2 * std::uint64_t{std::bit_floor(request.endpoints)}) + ", but " +
                 std::to_string(request.endpoints) + " are to be attached");
    skip_links(params);
    return {};
  }
  std::vector<std::string> classes;
  for (int digit = 1; digit <= std::countr_zero(request.endpoints); ++digit)
    classes.push_back("d" + std::to_string(digit));
  std::vector<GridDimension> dimensions;
  for (const TopologyLink& link : read_links(params, classes, request)) dimensions.push_back({2, link, link});
  return build_grid(dimensions);
}

}  // namespace rehearse
