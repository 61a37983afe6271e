// ring: the endpoints themselves, each joined to the next and the last to the first.
//
//   topology: ring
//   bandwidth: 50 GB/s     of a cable, one direction; default: the endpoint's port
//   latency: 500 ns        of a cable; default: the endpoint's port
//
// Link classes "clockwise" (towards the next number) and "anticlockwise". Flows go the shorter way round, clockwise
// where both are equally long. n endpoints: n cables (n = 2: one, n = 1: none), diameter floor(n / 2), bisection two
// cables (n = 2: one).
#include "topologies/grid.hpp"
#include "topologies/parameters.hpp"

namespace rehearse {

Topology build_ring(const TopologyRequest& request, Reader& params) {
  TopologyLink clockwise = read_links(params, {"clockwise"}, request).front(), anticlockwise = clockwise;
  anticlockwise.link_class = "anticlockwise";
  return build_grid({{request.endpoints, clockwise, anticlockwise}});
}

}  // namespace rehearse
