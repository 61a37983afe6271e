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
  const BytesPerSecond bandwidth = read_bandwidths(params, 1, "links", request.port_bandwidth).front();
  const Seconds latency = read_latencies(params, 1, "links", request.port_latency).front();
  return build_grid({{request.endpoints, {"clockwise", bandwidth, latency}, {"anticlockwise", bandwidth, latency}}});
}

}  // namespace rehearse
