#include "topologies/metrics.hpp"

#include <algorithm>
#include <limits>

#include "topologies/cut_flow.hpp"
#include "topologies/flat_graph.hpp"
#include "topologies/paths.hpp"

namespace rehearse {
namespace {

// Of the lower half of the endpoint numbers; of an odd number the middle one belongs to the upper half.
BytesPerSecond bisection_of(const Topology& topology) {
  const std::size_t half = topology.endpoints.size() / 2;
  if (half == 0) return {};
  const FlatGraph inner = flatten_inner(topology);
  std::vector<std::size_t> lower;
  for (const EndpointGroup& group : inner.groups)
    lower.push_back(static_cast<std::size_t>(
        std::count_if(group.members.begin(), group.members.end(), [half](std::uint32_t e) { return e < half; })));
  return CutFlow(inner).between(lower);
}

}  // namespace

TopologyMetrics measure(const Topology& topology) {
  TopologyMetrics metrics;
  const std::size_t vertices = boost::num_vertices(topology.graph);
  metrics.endpoints = static_cast<std::uint32_t>(topology.endpoints.size());
  metrics.switches = static_cast<std::uint32_t>(vertices) - metrics.endpoints;
  metrics.cables = static_cast<std::uint32_t>(topology.edges.size() / 2);
  metrics.least_degree = vertices == 0 ? 0 : std::numeric_limits<std::uint32_t>::max();
  for (std::size_t v = 0; v < vertices; ++v) {
    const auto degree = static_cast<std::uint32_t>(boost::out_degree(v, topology.graph));
    metrics.least_degree = std::min(metrics.least_degree, degree);
    metrics.most_degree = std::max(metrics.most_degree, degree);
  }
  const PathMetrics paths = measure_paths(topology, {.steps = std::numeric_limits<double>::infinity(), .seed = 0});
  metrics.diameter = paths.diameter();
  metrics.mean_distance = paths.mean_distance();
  metrics.bisection = bisection_of(topology);
  return metrics;
}

}  // namespace rehearse
