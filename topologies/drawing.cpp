#include "topologies/drawing.hpp"

#include <limits>
#include <map>
#include <tuple>
#include <utility>

#include "topologies/cables.hpp"
#include "topologies/drawing_parts.hpp"

namespace rehearse {
namespace {

constexpr auto none = std::numeric_limits<std::uint32_t>::max();

// Vertices and cables without places; of what hangs on a switch a bundle, if there is too much.
struct Sketch {
  Drawing drawing;
  std::vector<std::uint32_t> drawn_as;  // of each vertex of the topology
};

Sketch sketch(const Topology& topology, const FlatGraph& graph) {
  Sketch out;
  out.drawn_as.assign(graph.vertices(), none);
  const bool bundle = topology.endpoints.size() > most_drawn_endpoints;
  const auto add = [&](DrawnVertex vertex) {
    out.drawing.vertices.push_back(std::move(vertex));
    return static_cast<std::uint32_t>(out.drawing.vertices.size() - 1);
  };
  for (const EndpointGroup& group : graph.groups) {
    if (!bundle || !group.hangs() || group.members.size() < 2) continue;
    const auto count = static_cast<std::uint32_t>(group.members.size());
    const std::uint32_t at = add({0, 0, DrawnVertex::Shape::bundle, std::to_string(count) + " endpoints", count});
    for (const std::uint32_t e : group.members) out.drawn_as[topology.endpoints[e]] = at;
  }
  for (std::uint32_t v = 0; v < graph.vertices(); ++v) {
    if (out.drawn_as[v] != none) continue;
    const TopologyVertex& vertex = topology.graph[v];
    const auto shape = vertex.is_endpoint ? DrawnVertex::Shape::endpoint : DrawnVertex::Shape::network_switch;
    out.drawn_as[v] = add({0, 0, shape, vertex.name, vertex.is_endpoint ? 1u : 0u});
  }
  std::map<std::tuple<std::uint32_t, std::uint32_t, std::string>, std::size_t> known;
  for (const std::uint32_t e : cable_links(topology)) {
    const std::uint32_t a = out.drawn_as[boost::source(topology.edges[e], topology.graph)];
    const std::uint32_t b = out.drawn_as[boost::target(topology.edges[e], topology.graph)];
    const std::string kind = cable_kind(topology, e);
    const auto [found, is_new] = known.try_emplace({a, b, kind}, out.drawing.cables.size());
    if (is_new) out.drawing.cables.push_back({a, b, kind, {}, 0, 0});
    out.drawing.cables[found->second].bandwidth += topology.link(e).bandwidth;
    ++out.drawing.cables[found->second].count;
  }
  return out;
}

// Of each vertex of the topology its group, where vertices have groups.
std::vector<std::uint32_t> groups_of(const Topology& topology, const Sketch& sketch) {
  std::vector<std::uint32_t> groups(sketch.drawing.vertices.size(), 0);
  for (std::uint32_t v = 0; v < sketch.drawn_as.size(); ++v) groups[sketch.drawn_as[v]] = topology.graph[v].group;
  return groups;
}

}  // namespace

Drawing draw(const Topology& topology) {
  const FlatGraph graph = flatten(topology);
  Sketch out = sketch(topology, graph);
  if (place_in_grid(topology, out.drawing) || place_in_levels(out.drawing)) return out.drawing;
  place_in_circle(groups_of(topology, out), out.drawing);
  return out.drawing;
}

}  // namespace rehearse
