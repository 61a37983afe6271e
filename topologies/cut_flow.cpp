#include "topologies/cut_flow.hpp"

#include <cmath>
#include <cstdint>

#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/push_relabel_max_flow.hpp>

namespace rehearse {
namespace {

using FlowTraits = boost::adjacency_list_traits<boost::vecS, boost::vecS, boost::directedS>;
struct FlowEdge {
  std::int64_t capacity = 0;
  std::int64_t residual = 0;
  FlowTraits::edge_descriptor reverse;
};
using Graph = boost::adjacency_list<boost::vecS, boost::vecS, boost::directedS, boost::no_property, FlowEdge>;
using Edge = FlowTraits::edge_descriptor;

// Capacities are whole bytes per second.
Edge add_capacity(Graph& graph, std::size_t from, std::size_t to, double capacity) {
  const Edge there = boost::add_edge(from, to, graph).first;
  const Edge back = boost::add_edge(to, from, graph).first;
  graph[there] = {std::llround(capacity), 0, back};
  graph[back] = {0, 0, there};
  return there;
}

}  // namespace

struct CutFlow::Flow {
  explicit Flow(std::size_t vertices) : graph(vertices + 2), source(vertices), sink(vertices + 1) {}
  Graph graph;
  std::size_t source, sink;
  std::vector<double> port;        // of an endpoint of each group: what its own links carry at most
  std::vector<Edge> lower, upper;  // source -> group, group -> sink
};

CutFlow::CutFlow(const FlatGraph& inner) : graph_(inner), flow_(std::make_unique<Flow>(inner.vertices())) {
  for (std::size_t v = 0; v < inner.vertices(); ++v)
    for (const FlatGraph::Arc& arc : inner.out(v)) add_capacity(flow_->graph, v, arc.to, inner.capacity[arc.link]);
  std::vector<double> at(inner.vertices(), 0.0);  // all that its links carry, in or out
  for (std::size_t e = 0; e < inner.capacity.size(); ++e)
    for (const std::uint32_t v : {inner.from[e], inner.to[e]}) at[v] += inner.capacity[e];
  for (const EndpointGroup& group : inner.groups) {
    const double port = group.hangs() ? group.port : at[group.vertex];
    flow_->port.push_back(port);
    flow_->lower.push_back(add_capacity(flow_->graph, flow_->source, group.vertex, 0));
    flow_->upper.push_back(add_capacity(flow_->graph, group.vertex, flow_->sink, 0));
  }
}

CutFlow::~CutFlow() = default;

BytesPerSecond CutFlow::between(const std::vector<std::size_t>& lower) {
  Graph& graph = flow_->graph;
  for (std::size_t g = 0; g < lower.size(); ++g) {
    const auto below = static_cast<double>(lower[g]);
    graph[flow_->lower[g]].capacity = std::llround(below * flow_->port[g]);
    graph[flow_->upper[g]].capacity = std::llround((graph_.groups[g].size() - below) * flow_->port[g]);
  }
  const auto greatest = boost::push_relabel_max_flow(graph, flow_->source, flow_->sink,
                                                     boost::capacity_map(boost::get(&FlowEdge::capacity, graph))
                                                         .residual_capacity_map(boost::get(&FlowEdge::residual, graph))
                                                         .reverse_edge_map(boost::get(&FlowEdge::reverse, graph))
                                                         .vertex_index_map(boost::get(boost::vertex_index, graph)));
  return BytesPerSecond(static_cast<double>(greatest));
}

}  // namespace rehearse
