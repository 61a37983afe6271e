#include "topologies/metrics.hpp"

#include <algorithm>
#include <limits>

#include <boost/graph/breadth_first_search.hpp>
#include <boost/graph/push_relabel_max_flow.hpp>
#include <boost/graph/visitors.hpp>

namespace rehearse {
namespace {

using FlowTraits = boost::adjacency_list_traits<boost::vecS, boost::vecS, boost::directedS>;
struct FlowEdge {
  std::int64_t capacity = 0;
  std::int64_t residual = 0;
  FlowTraits::edge_descriptor reverse;
};
using FlowGraph = boost::adjacency_list<boost::vecS, boost::vecS, boost::directedS, boost::no_property, FlowEdge>;

// Capacities are whole bytes per second.
void add_capacity(FlowGraph& graph, std::size_t from, std::size_t to, std::int64_t capacity) {
  const auto there = boost::add_edge(from, to, graph).first;
  const auto back = boost::add_edge(to, from, graph).first;
  graph[there] = {capacity, 0, back};
  graph[back] = {0, 0, there};
}

BytesPerSecond bisection_of(const Topology& topology) {
  const std::size_t vertices = boost::num_vertices(topology.graph), half = topology.endpoints.size() / 2;
  if (half == 0) return {};
  FlowGraph flow(vertices + 2);
  std::vector<std::int64_t> out_of(vertices, 0), into(vertices, 0);
  for (std::uint32_t edge = 0; edge < topology.edges.size(); ++edge) {
    const auto from = boost::source(topology.edges[edge], topology.graph);
    const auto to = boost::target(topology.edges[edge], topology.graph);
    const auto capacity = static_cast<std::int64_t>(topology.link(edge).bandwidth.value());
    add_capacity(flow, from, to, capacity);
    out_of[from] += capacity;
    into[to] += capacity;
  }
  // An endpoint's terminal carries all that its own links can, so that it never limits.
  for (std::size_t e = 0; e < topology.endpoints.size(); ++e) {
    const std::size_t v = topology.endpoints[e];
    if (e < half)
      add_capacity(flow, vertices, v, out_of[v]);
    else
      add_capacity(flow, v, vertices + 1, into[v]);
  }
  const auto greatest = boost::push_relabel_max_flow(flow, vertices, vertices + 1,
                                                     boost::capacity_map(boost::get(&FlowEdge::capacity, flow))
                                                         .residual_capacity_map(boost::get(&FlowEdge::residual, flow))
                                                         .reverse_edge_map(boost::get(&FlowEdge::reverse, flow))
                                                         .vertex_index_map(boost::get(boost::vertex_index, flow)));
  return BytesPerSecond(static_cast<double>(greatest));
}

void measure_distances(const Topology& topology, TopologyMetrics& metrics) {
  std::vector<std::uint32_t> hops(boost::num_vertices(topology.graph));
  double sum = 0;
  for (const std::uint32_t from : topology.endpoints) {
    std::fill(hops.begin(), hops.end(), 0);
    boost::breadth_first_search(
        topology.graph, from,
        boost::visitor(boost::make_bfs_visitor(boost::record_distances(hops.data(), boost::on_tree_edge()))));
    for (const std::uint32_t to : topology.endpoints) {
      metrics.diameter = std::max(metrics.diameter, hops[to]);
      sum += hops[to];
    }
  }
  const double n = metrics.endpoints;
  if (metrics.endpoints > 1) metrics.mean_distance = sum / (n * (n - 1));
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
  measure_distances(topology, metrics);
  metrics.bisection = bisection_of(topology);
  return metrics;
}

}  // namespace rehearse
