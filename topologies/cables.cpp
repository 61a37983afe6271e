#include "topologies/cables.hpp"

#include <algorithm>

namespace rehearse {

bool is_cable(const Topology& topology, std::uint32_t link) {
  if ((link | 1U) >= topology.edges.size()) return false;
  const TopologyEdge &there = topology.edges[link & ~1U], &back = topology.edges[link | 1U];
  return boost::source(there, topology.graph) == boost::target(back, topology.graph) &&
         boost::target(there, topology.graph) == boost::source(back, topology.graph);
}

std::vector<std::uint32_t> cable_links(const Topology& topology) {
  std::vector<std::uint32_t> links;
  for (std::uint32_t e = 0; e < topology.edges.size(); e += is_cable(topology, e) ? 2U : 1U) links.push_back(e);
  return links;
}

std::string cable_kind(const Topology& topology, std::uint32_t link) {
  if (!is_cable(topology, link)) return topology.link(link).link_class + ", one way";
  const std::string &there = topology.link(link & ~1U).link_class, &back = topology.link(link | 1U).link_class;
  return there == back ? there : there + "/" + back;
}

std::vector<CableKind> cable_kinds(const Topology& topology) {
  std::vector<CableKind> kinds;
  for (const std::uint32_t e : cable_links(topology)) {
    const TopologyLink& link = topology.link(e);
    const std::string name = cable_kind(topology, e);
    const auto found = std::find_if(kinds.begin(), kinds.end(), [&](const CableKind& kind) {
      return kind.name == name && kind.bandwidth == link.bandwidth && kind.latency == link.latency;
    });
    if (found != kinds.end())
      ++found->count;
    else
      kinds.push_back({name, link.bandwidth, link.latency, 1});
  }
  return kinds;
}

}  // namespace rehearse
