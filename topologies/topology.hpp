// Topology: endpoints and switches joined by directed links, on Boost.Graph, and the routes over them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <boost/graph/adjacency_list.hpp>

#include "engine/base/document.hpp"
#include "engine/base/table.hpp"
#include "engine/base/units.hpp"

namespace rehearse {

struct TopologyVertex {
  std::string name;
  bool is_endpoint = false;
  std::uint32_t group = 0;  ///< of routers, in a dragonfly or dragonfly_plus; elsewhere, and of endpoints, 0
};

/// A directed link; a cable is two of them. `link_class` names its role: "port", "leaf-spine", "x+", ...
struct TopologyLink {
  std::string link_class;
  BytesPerSecond bandwidth;
  Seconds latency;
};

using TopologyGraph = boost::adjacency_list<boost::vecS, boost::vecS, boost::directedS, TopologyVertex, TopologyLink>;
using TopologyEdge = boost::graph_traits<TopologyGraph>::edge_descriptor;

/// The links of a route, in order, as indices into Topology::edges.
using TopologyRoute = std::vector<std::uint32_t>;

/// `flow` tells apart flows between the same pair, for routings that spread them (ECMP).
using RouteFunction = std::function<TopologyRoute(std::uint32_t source, std::uint32_t destination, std::uint64_t flow)>;

/// What a routing that decides when a flow starts can see.
struct FlowStart {
  std::uint64_t number = 0;                               ///< of flows that this source has started before
  std::function<std::uint32_t(std::uint32_t edge)> load;  ///< flows under way on a link
};
using LiveRouteFunction = std::function<TopologyRoute(std::uint32_t source, std::uint32_t destination,
                                                      std::uint64_t flow, const FlowStart& start)>;

/// What a routing gives a topology: Topology::route and live_route.
struct TopologyRoutes {
  RouteFunction route;
  LiveRouteFunction live_route;
};

/// There is no way from one endpoint to another: what lies between is down.
class NoRoute : public std::runtime_error {
 public:
  NoRoute(std::uint32_t from, std::uint32_t to)
      : std::runtime_error("no path between two endpoints"), source(from), destination(to) {}
  std::uint32_t source, destination;  ///< endpoint numbers
};

struct Topology {
  Topology() = default;
  /// A copy has its own graph and `edges` that point into it. (A Boost graph does not move: a move is a copy.)
  Topology(const Topology& other);
  Topology& operator=(const Topology& other);
  ~Topology() = default;

  TopologyGraph graph;
  std::vector<TopologyEdge> edges;       ///< link index -> edge
  std::vector<std::uint32_t> endpoints;  ///< endpoint number -> vertex
  /// Links from endpoint `source` to endpoint `destination`; empty where they are the same. Pure: same arguments,
  /// same route. Computed on demand; no table of all pairs. Throws NoRoute.
  RouteFunction route;
  /// Of a routing that decides when a flow starts (round_robin, adaptive, ugal), else empty. `route` is then what it
  /// does with an idle network. As pure as `route`.
  LiveRouteFunction live_route;
  /// For set_links_down (routing.hpp): the routes that were read, on what of the topology is not down.
  std::function<TopologyRoutes(const Topology& topology, const std::vector<bool>& down)> routes_without;
  /// Routings that the builder knows to do from the structure, in closed form: by name of the routing table, each made
  /// from a seed. They stand before the table's own of that name.
  std::map<std::string, std::function<RouteFunction(std::uint64_t seed)>> own_routings;
  /// The routing where YAML names none, if it is not the one of the topology's row (a twisted torus); else empty.
  std::string default_routing;

  [[nodiscard]] const TopologyLink& link(std::uint32_t edge) const { return graph[edges[edge]]; }
  /// "leaf3->spine1", unique in the topology: of parallel links the second is "leaf3->spine1#2", and so on.
  [[nodiscard]] std::string link_name(std::uint32_t edge) const;
};

/// What a builder is given beside its own YAML keys.
struct TopologyRequest {
  std::uint32_t endpoints = 0;    ///< how many must be attached
  BytesPerSecond port_bandwidth;  ///< of an endpoint's port; the default of every link class
  Seconds port_latency;           ///< likewise
  /// Endpoints of one node (its NICs) stand next to each other, so many in each; 0: nodes have different numbers.
  std::uint32_t endpoints_per_node = 1;
  std::string_view endpoint_alias = {};  ///< what users may call endpoints besides "endpoint": "gpu" in a node
};

/// A row of the topology table: reads its own keys from `params` (noting faults there) and builds graph, endpoints and
/// `own_routings`; `route` is made of those and of `routing` in the YAML by build_topology. On a fault the result is
/// unspecified but safe to destroy; the caller calls params.finish() before using it.
struct TopologyRow {
  std::string_view name;
  std::string_view description;
  std::string_view routing;  ///< where YAML names none and the topology has no `default_routing`
  Topology (*build)(const TopologyRequest& request, Reader& params);
};

/// switch, ring, torus, fat_tree, dragonfly, ...
const Table<TopologyRow>& topology_table();

/// Build the topology that `params.topology` names (faulting on an unknown name); `fallback` where it names none (an
/// empty fallback makes the key required). `bandwidth` and `latency` in `params` override the port's in every topology;
/// `routing` and `seed` are read here too (routing.hpp).
Topology build_topology(const TopologyRequest& request, Reader& params, std::string_view fallback = {});

/// A route along a shortest path by hop count between two endpoint numbers, ties broken by vertex number (of the
/// nearest predecessors the lowest): what routings are tested against. O(links). Throws NoRoute.
TopologyRoute shortest_path(const Topology& topology, std::uint32_t source, std::uint32_t destination);

/// For builders: adds a vertex and returns its number; an endpoint gets the next endpoint number.
std::uint32_t add_vertex(Topology& topology, TopologyVertex vertex);

/// For builders: endpoints 0, 1, ... "endpoint0", "endpoint1", ...; of an empty topology they are the vertices 0, 1,
/// ...
void add_endpoints(Topology& topology, std::uint32_t count);

/// For builders: switches `name`0, `name`1, ..., `per_group` of them in each group; returns the first's vertex.
std::uint32_t add_switches(Topology& topology, std::uint32_t count, const std::string& name, std::uint32_t per_group);

/// For builders: a cable from each endpoint e, in order, to the vertex `first` + e / `each`; in a topology without
/// links they are 2e (up) and 2e + 1 (down).
void attach_endpoints(Topology& topology, std::uint32_t first, std::uint32_t each, const TopologyLink& port);

/// For builders: adds both directions of a cable; returns the index of the forward edge (the backward one
/// is the next).
std::uint32_t add_cable(Topology& topology, std::uint32_t a, std::uint32_t b, const TopologyLink& link);

}  // namespace rehearse
