// A topology as arrays, for what walks it again and again. Private to topologies.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "topologies/topology.hpp"

namespace rehearse {

/// Endpoints that are alike as seen by the rest: those that hang on the same switch by one cable each of the same
/// bandwidth; or a single endpoint that has other cables than that, and is a vertex that routes go through.
struct EndpointGroup {
  std::uint32_t vertex = 0;            ///< the switch, or the endpoint itself
  double port = 0;                     ///< bytes/s of the one cable of each; 0: the vertex is the endpoint
  std::vector<std::uint32_t> members;  ///< endpoint numbers, ascending

  [[nodiscard]] bool hangs() const { return port > 0; }
  [[nodiscard]] double size() const { return static_cast<double>(members.size()); }
};

/// Links by pairs: e ^ 1 is the other direction of link e, of capacity 0 where the topology has none. Links of a cable
/// stand side by side in a topology, so they have the same numbers here.
struct FlatGraph {
  struct Arc {
    std::uint32_t to, link;
  };
  std::vector<std::uint32_t> first;  ///< of each vertex, into `arcs`; one more at the end
  std::vector<Arc> arcs;  ///< links with a capacity, of all vertices, or (`inner`) of those that routes go through
  std::vector<double> capacity;         ///< of each link, bytes/s
  bool one_way = false;                 ///< whether there is a link without its other direction
  std::vector<std::uint32_t> from, to;  ///< of each link
  std::vector<EndpointGroup> groups;

  [[nodiscard]] std::size_t vertices() const { return first.size() - 1; }
  [[nodiscard]] std::span<const Arc> out(std::size_t v) const {
    return std::span(arcs).subspan(first[v], first[v + 1] - first[v]);
  }
};

/// All vertices and links.
FlatGraph flatten(const Topology& topology);
/// The same with links that no route passes between its first and its last left out of `arcs`: the cables of endpoints
/// that hang on a switch.
FlatGraph flatten_inner(const Topology& topology);

/// What all links out of an endpoint carry together, bytes/s, in the mean over the endpoints.
double mean_injection(const Topology& topology);

}  // namespace rehearse
