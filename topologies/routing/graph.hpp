// What routings share; private to topologies. A compact copy of a topology's graph, distances over it, and walks.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "topologies/topology.hpp"

namespace rehearse {

/// Immutable but for its cache of distances, which is not for several threads. Routes share one by std::shared_ptr and
/// do not refer to the topology that it was made from.
class RoutingGraph {
 public:
  /// A link as one of its ends sees it.
  struct Link {
    std::uint32_t vertex;  ///< the other end
    std::uint32_t edge;    ///< index of Topology::edges
  };
  /// Links between each vertex and the vertices of one target; `unreachable` where there is no way.
  using Distances = std::shared_ptr<const std::vector<std::uint32_t>>;
  static constexpr std::uint32_t unreachable = std::numeric_limits<std::uint32_t>::max();

  /// All links but those for which `down` (one for each; or empty: none) is true.
  RoutingGraph(const Topology& topology, const std::vector<bool>& down);

  [[nodiscard]] std::uint32_t vertices() const { return static_cast<std::uint32_t>(group_.size()); }
  [[nodiscard]] std::uint32_t endpoints() const { return static_cast<std::uint32_t>(endpoints_.size()); }
  [[nodiscard]] std::uint32_t vertex_of(std::uint32_t endpoint) const { return endpoints_[endpoint]; }
  /// In the order of their indices.
  [[nodiscard]] std::span<const Link> out(std::uint32_t vertex) const { return out_.of(vertex); }
  [[nodiscard]] std::span<const Link> in(std::uint32_t vertex) const { return in_.of(vertex); }
  [[nodiscard]] std::uint32_t head(std::uint32_t edge) const { return heads_[edge]; }
  /// The bandwidth of the fastest link over that of this one; exactly 1 where all are the same.
  [[nodiscard]] double slowness(std::uint32_t edge) const { return slowness_[edge]; }

  /// What a routing may send flows through: the switches; all vertices where there are none.
  [[nodiscard]] const std::vector<std::uint32_t>& intermediates() const { return intermediates_; }
  /// The different groups of `intermediates`, in order.
  [[nodiscard]] const std::vector<std::uint32_t>& groups() const { return groups_; }
  /// Of an intermediate its own, of an endpoint that of the first switch it is cabled to.
  [[nodiscard]] std::uint32_t group(std::uint32_t vertex) const { return group_[vertex]; }

  /// From every vertex to this one, from this one to every vertex, and from every vertex to the nearest intermediate
  /// of a group. By breadth-first search when first asked; kept until the tables of all targets outgrow a bound.
  [[nodiscard]] Distances to(std::uint32_t vertex) const;
  [[nodiscard]] Distances from(std::uint32_t vertex) const;
  [[nodiscard]] Distances to_group(std::uint32_t group) const;

 private:
  struct Adjacency {
    std::vector<std::uint32_t> first;  // of each vertex, and the end of the last
    std::vector<Link> links;
    [[nodiscard]] std::span<const Link> of(std::uint32_t vertex) const {
      return {links.data() + first[vertex], links.data() + first[vertex + 1]};
    }
  };
  using Cache = std::unordered_map<std::uint32_t, Distances>;
  void add_links(const Topology& topology, const std::vector<bool>& down);
  void find_groups(const Topology& topology);
  Distances search(Cache& cache, std::uint32_t key, const Adjacency& backwards,
                   std::vector<std::uint32_t> targets) const;

  Adjacency out_, in_;
  std::vector<std::uint32_t> heads_;
  std::vector<double> slowness_;
  std::vector<std::uint32_t> endpoints_, intermediates_, groups_, group_;
  mutable Cache to_, from_, to_group_;
};

/// Goes on from `vertex` over shortest paths to where `distances` are 0, appending to `route`, and returns where it
/// ends; of the links that lead nearer, `choose(vertex, links)` says which (its position). There must be a way.
template <class Choose>
std::uint32_t walk(const RoutingGraph& graph, const RoutingGraph::Distances& distances, std::uint32_t vertex,
                   Choose&& choose, TopologyRoute& route) {
  const std::vector<std::uint32_t>& hops = *distances;
  std::vector<RoutingGraph::Link> nearer;
  while (hops[vertex] > 0) {
    nearer.clear();
    for (const RoutingGraph::Link& link : graph.out(vertex))
      if (hops[link.vertex] + 1 == hops[vertex]) nearer.push_back(link);
    const RoutingGraph::Link& next =
        nearer[nearer.size() == 1 ? 0 : choose(vertex, std::span<const RoutingGraph::Link>(nearer))];
    route.push_back(next.edge);
    vertex = next.vertex;
  }
  return vertex;
}

/// As `walk`, to a vertex. One that is entered by a single link is found by the distances to where that link begins:
/// the endpoints of a switch share a table. False, and nothing appended, where there is no way.
template <class Choose>
bool walk_to(const RoutingGraph& graph, std::uint32_t from, std::uint32_t to, Choose&& choose, TopologyRoute& route) {
  if (from == to) return true;
  const std::span<const RoutingGraph::Link> entries = graph.in(to);
  if (entries.empty()) return false;
  const bool single = entries.size() == 1;
  const RoutingGraph::Distances distances = graph.to(single ? entries.front().vertex : to);
  if ((*distances)[from] == RoutingGraph::unreachable) return false;
  walk(graph, distances, from, choose, route);
  if (single) route.push_back(entries.front().edge);
  return true;
}

/// A route between endpoint numbers over shortest paths. Throws NoRoute.
template <class Choose>
TopologyRoute shortest_route(const RoutingGraph& graph, std::uint32_t source, std::uint32_t destination,
                             Choose&& choose) {
  TopologyRoute route;
  if (!walk_to(graph, graph.vertex_of(source), graph.vertex_of(destination), choose, route))
    throw NoRoute(source, destination);
  return route;
}

/// Chooses by a hash that is mixed with the vertex, so that switches with the same choices choose independently.
struct HashChoice {
  std::uint64_t hash;
  [[nodiscard]] std::size_t pick(std::uint32_t vertex, std::size_t count) const;
  std::size_t operator()(std::uint32_t vertex, std::span<const RoutingGraph::Link> links) const {
    return pick(vertex, links.size());
  }
};
/// By a seeded hash of (source, destination, flow).
HashChoice hash_choice(std::uint64_t seed, std::uint32_t source, std::uint32_t destination, std::uint64_t flow);

}  // namespace rehearse
