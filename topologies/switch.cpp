// switch: one crossbar. Every endpoint has a cable to it (link class "port"); links at the crossbar share nothing.
//
//   topology: switch
//   bandwidth: 300 GB/s    of a cable, one direction; default: the endpoint's port
//   latency: 500 ns        of a cable; default: the endpoint's port
//
// n endpoints: n + 1 vertices, n cables, every pair 2 hops apart, bisection floor(n / 2) cables.
#include "topologies/parameters.hpp"
#include "topologies/topology.hpp"

namespace rehearse {

Topology build_switch(const TopologyRequest& request, Reader& params) {
  const TopologyLink port = read_links(params, {"port"}, request).front();
  Topology topology;
  add_endpoints(topology, request.endpoints);
  attach_endpoints(topology, add_vertex(topology, {"switch", false}), request.endpoints, port);
  topology.own_routings["shortest_path"] = [](std::uint64_t) -> RouteFunction {
    return [](std::uint32_t source, std::uint32_t destination, std::uint64_t) {
      return source == destination ? TopologyRoute{} : TopologyRoute{2 * source, 2 * destination + 1};
    };
  };
  return topology;
}

}  // namespace rehearse
