// The graph in GraphViz' language, as `topology: custom` reads it.
#include <fmt/format.h>

#include <numeric>
#include <ostream>

#include "reports/topology_report.hpp"
#include "topologies/cables.hpp"

namespace rehearse {
namespace {

/// In quotes, as the language has it.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

// One direction of a cable stands for both, unless the graph has one-way links: then every link is an edge.
std::vector<std::uint32_t> edges_of(const Topology& topology, bool directed) {
  if (!directed) return cable_links(topology);
  std::vector<std::uint32_t> all(topology.edges.size());
  std::iota(all.begin(), all.end(), 0U);
  return all;
}

}  // namespace

void write_topology_dot(const TopologyPart& part, std::ostream& out) {
  const Topology& topology = part.topology;
  const std::vector<std::uint32_t> cables = cable_links(topology);
  const bool directed = !cables.empty() && !is_cable(topology, cables.back());
  out << (directed ? "digraph " : "graph ") << quoted(part.name) << " {\n";
  std::uint32_t endpoint = 0;
  for (std::size_t v = 0; v < boost::num_vertices(topology.graph); ++v) {
    const TopologyVertex& vertex = topology.graph[v];
    std::string attributes = "shape=ellipse";
    if (vertex.is_endpoint) attributes = fmt::format("shape=box, endpoint={}", endpoint++);
    if (vertex.group != 0) attributes += fmt::format(", group={}", vertex.group);
    out << "  " << quoted(vertex.name) << " [" << attributes << "];\n";
  }
  for (const std::uint32_t e : edges_of(topology, directed)) {
    const TopologyLink& link = topology.link(e);
    out << "  " << quoted(topology.graph[boost::source(topology.edges[e], topology.graph)].name)
        << (directed ? " -> " : " -- ") << quoted(topology.graph[boost::target(topology.edges[e], topology.graph)].name)
        << fmt::format(" [bandwidth=\"{:.12g} GB/s\", latency=\"{:.12g} ns\", class={}];\n",
                       link.bandwidth.value() / 1e9, link.latency.value() * 1e9,
                       quoted(directed ? link.link_class : cable_kind(topology, e)));
  }
  out << "}\n";
}

}  // namespace rehearse
