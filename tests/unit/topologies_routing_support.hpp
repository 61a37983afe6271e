// For tests of routings: topologies to route over, and what routes do.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "tests/unit/topologies_support.hpp"
#include "topologies/routing.hpp"

namespace rehearse::testing {

/// 5 groups of 4 routers with 2 endpoints each, routers of a group all joined, one cable between any two groups; as a
/// flow mapping without its closing brace. Endpoints 8 g to 8 g + 7 are of group g.
inline std::string dragonfly_keys() {
  std::string vertices, links;
  const auto router = [](int group, int number) { return "r" + std::to_string(group) + "_" + std::to_string(number); };
  const auto cable = [&links](const std::string& a, const std::string& b, const char* kind) {
    links += "{from: " + a + ", to: " + b + ", class: " + kind + "}, ";
  };
  for (int g = 0; g < 5; ++g)
    for (int r = 0; r < 4; ++r) {
      vertices += "{name: " + router(g, r) + ", group: " + std::to_string(g) + "}, ";
      for (int e = 0; e < 2; ++e) cable("endpoint" + std::to_string(8 * g + 2 * r + e), router(g, r), "port");
      for (int other = 0; other < r; ++other) cable(router(g, other), router(g, r), "local");
      const int far = (g + r + 1) % 5;  // whose router 3 - r leads back
      if (g < far) cable(router(g, r), router(far, 3 - r), "global");
    }
  return "{topology: custom, vertices: [" + vertices + "], links: [" + links + "]";
}

/// 4 endpoints at s, 4 at t; from s to t over one of a0..a3 and then one of b0..b3: 16 paths, two choices of 4 apiece.
/// `fast` is the bandwidth of s to a0.
inline std::string two_stage_keys(const std::string& fast = "25 GB/s") {
  std::string links;
  const auto cable = [&links](const std::string& a, const std::string& b, const std::string& more = {}) {
    links += "{from: " + a + ", to: " + b + more + "}, ";
  };
  for (int i = 0; i < 4; ++i) {
    const std::string n = std::to_string(i);
    cable("endpoint" + n, "s");
    cable("endpoint" + std::to_string(i + 4), "t");
    cable("s", "a" + n, i == 0 ? ", bandwidth: " + fast : "");
    cable("b" + n, "t");
    for (int k = 0; k < 4; ++k) cable("a" + n, "b" + std::to_string(k));
  }
  return "{topology: custom, vertices: [s, t, a0, a1, a2, a3, b0, b1, b2, b3], links: [" + links + "]";
}

struct Routed {
  std::string keys;  ///< without the closing brace
  std::uint32_t endpoints;
};
inline std::vector<Routed> topologies_to_route() {
  return {{"{topology: switch", 7},
          {"{topology: ring", 9},
          {"{topology: torus, dimensions: [4, 4]", 16},
          {"{topology: torus, dimensions: [2, 3, 3]", 18},
          {"{topology: fat_tree, oversubscription: 2", 40},
          {"{topology: fat_tree, arity: 4", 16},
          {dragonfly_keys(), 40},
          {two_stage_keys(), 8}};
}

/// Whether the topology has the routing: of its own or for any graph.
inline bool has_routing(const Routed& on, const RoutingRow& row) {
  return row.make != nullptr || build(on.keys + "}", on.endpoints).own_routings.contains(std::string(row.name));
}

inline Topology build_routed(const Routed& on, std::string_view routing, const std::string& more = {}) {
  return build(on.keys + ", routing: " + std::string(routing) + more + "}", on.endpoints);
}

/// The vertices of a walk, its beginning included.
inline std::vector<std::size_t> vertices_of(const Topology& t, const TopologyRoute& route, std::uint32_t source) {
  std::vector<std::size_t> out{t.endpoints[source]};
  for (const std::uint32_t edge : route) out.push_back(boost::target(t.edges[edge], t.graph));
  return out;
}

inline bool is_simple_walk(const Topology& t, const TopologyRoute& route, std::uint32_t source,
                           std::uint32_t destination) {
  if (!is_walk(t, route, source, destination)) return false;
  const std::vector<std::size_t> vertices = vertices_of(t, route, source);
  return std::set<std::size_t>(vertices.begin(), vertices.end()).size() == vertices.size();
}

/// The start of a source's flow `number` while `load[edge]` flows are under way.
inline FlowStart start_with(const std::vector<std::uint32_t>& load, std::uint64_t number = 0) {
  return {number, [&load](std::uint32_t edge) { return load[edge]; }};
}

}  // namespace rehearse::testing
