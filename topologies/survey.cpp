#include "topologies/survey.hpp"

#include <algorithm>
#include <limits>

#include "topologies/flat_graph.hpp"

namespace rehearse {
namespace {

void count_ports(const Topology& topology, TopologySurvey& out) {
  constexpr auto none = std::numeric_limits<std::uint32_t>::max();
  out.least_radix = out.least_degree = none;
  for (std::size_t v = 0; v < boost::num_vertices(topology.graph); ++v) {
    const auto ports = static_cast<std::uint32_t>(boost::out_degree(v, topology.graph));
    const bool endpoint = topology.graph[v].is_endpoint;
    std::uint32_t& least = endpoint ? out.least_degree : out.least_radix;
    std::uint32_t& most = endpoint ? out.most_degree : out.most_radix;
    least = std::min(least, ports);
    most = std::max(most, ports);
    if (!endpoint) out.switch_ports += ports;
  }
  if (out.least_radix == none) out.least_radix = 0;
  if (out.least_degree == none) out.least_degree = 0;
}

}  // namespace

TopologySurvey survey(const Topology& topology) {
  TopologySurvey out;
  out.endpoints = static_cast<std::uint32_t>(topology.endpoints.size());
  out.switches = static_cast<std::uint32_t>(boost::num_vertices(topology.graph)) - out.endpoints;
  out.cables = static_cast<std::uint32_t>(cable_links(topology).size());
  count_ports(topology, out);
  out.kinds = cable_kinds(topology);
  out.injection = BytesPerSecond(mean_injection(topology));
  out.paths = measure_paths(topology);
  out.between_switches = measure_switch_distances(topology);
  out.disjoint = measure_disjoint_paths(topology);
  out.bisection = measure_bisection(topology);
  out.load = measure_load(topology);
  return out;
}

}  // namespace rehearse
