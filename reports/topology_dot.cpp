// The graph in GraphViz' language, as `topology: custom` reads it.
#include <fmt/format.h>

#include <ostream>

#include "reports/topology_report.hpp"

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

}  // namespace

void write_topology_dot(const TopologyPart& part, std::ostream& out) {
  const Topology& topology = part.topology;
  out << "graph " << quoted(part.name) << " {\n";
  for (std::size_t v = 0; v < boost::num_vertices(topology.graph); ++v) {
    const TopologyVertex& vertex = topology.graph[v];
    out << "  " << quoted(vertex.name)
        << (vertex.is_endpoint ? " [endpoint=true, shape=box];\n" : " [shape=ellipse];\n");
  }
  for (std::uint32_t e = 0; e < topology.edges.size(); e += 2) {
    const TopologyLink& link = topology.link(e);
    out << "  " << quoted(topology.graph[boost::source(topology.edges[e], topology.graph)].name) << " -- "
        << quoted(topology.graph[boost::target(topology.edges[e], topology.graph)].name)
        << fmt::format(" [bandwidth=\"{:.12g} GB/s\", latency=\"{:.12g} ns\", class={}];\n",
                       link.bandwidth.value() / 1e9, link.latency.value() * 1e9, quoted(cable_kind(topology, e)));
  }
  out << "}\n";
}

}  // namespace rehearse
