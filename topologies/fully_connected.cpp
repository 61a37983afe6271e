// fully_connected: the endpoints themselves, a cable between every two.
//
//   topology: fully_connected
//   bandwidth: 25 GB/s     of a cable, one direction; default: the endpoint's port
//   latency: 500 ns        of a cable; default: the endpoint's port
//
// Link class "direct". n endpoints: n (n - 1) / 2 cables, degree n - 1, every pair 1 apart, bisection
// floor(n / 2) ceil(n / 2) cables. Note that the default gives each of the n - 1 cables a port's bandwidth.
#include "topologies/parameters.hpp"

namespace rehearse {

Topology build_fully_connected(const TopologyRequest& request, Reader& params) {
  const std::uint32_t n = request.endpoints;
  const TopologyLink direct = read_links(params, {"direct"}, request).front();
  if (!check_cables(params, 0.5 * n * (n - 1.0))) return {};
  Topology topology;
  add_endpoints(topology, n);
  for (std::uint32_t low = 0; low < n; ++low)
    for (std::uint32_t high = low + 1; high < n; ++high) add_cable(topology, low, high, direct);
  topology.own_routings["shortest_path"] = [n](std::uint64_t) -> RouteFunction {
    return [n](std::uint32_t source, std::uint32_t destination, std::uint64_t) {
      if (source == destination) return TopologyRoute{};
      const std::uint64_t low = std::min(source, destination), high = std::max(source, destination);
      const std::uint64_t cable = low * (2 * std::uint64_t{n} - low - 1) / 2 + high - low - 1;
      return TopologyRoute{static_cast<std::uint32_t>(2 * cable + (source < destination ? 0 : 1))};
    };
  };
  return topology;
}

}  // namespace rehearse
