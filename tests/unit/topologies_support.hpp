// For tests of topologies: builders from YAML text, and what every route must be.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "engine/base/document.hpp"
#include "topologies/metrics.hpp"
#include "topologies/topology.hpp"

namespace rehearse::testing {

inline constexpr double port = 25e9;

/// Builds and finishes: throws InputError on a fault.
inline Topology build(const std::string& yaml, std::uint32_t endpoints) {
  Reader reader(parse_yaml(yaml, "test.yaml"), "topology");
  Topology topology = build_topology({endpoints, BytesPerSecond(port), Seconds(5e-7)}, reader);
  reader.finish();
  return topology;
}

/// The faults as text, a line each; empty where there are none.
inline std::string faults(const std::string& yaml, std::uint32_t endpoints) {
  try {
    build(yaml, endpoints);
    return {};
  } catch (const InputError& error) {
    return error.what();
  }
}

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

inline bool is_walk(const Topology& t, const TopologyRoute& route, std::uint32_t source, std::uint32_t destination) {
  std::size_t at = t.endpoints[source];
  for (const std::uint32_t edge : route) {
    if (edge >= t.edges.size() || boost::source(t.edges[edge], t.graph) != at) return false;
    at = boost::target(t.edges[edge], t.graph);
  }
  return at == t.endpoints[destination];
}

/// Every route is a connected walk from source to destination, as short as breadth-first search finds, and the same
/// when asked again. At most `most` sources, spread evenly.
inline void check_routes(const Topology& t, std::uint32_t most = 40) {
  const auto n = static_cast<std::uint32_t>(t.endpoints.size());
  const std::uint32_t stride = std::max(1u, n / most);
  bool walks = true, shortest = true, pure = true;
  for (std::uint32_t a = 0; a < n; a += stride)
    for (std::uint32_t b = 0; b < n; b += b % 2 == 0 ? 1 : stride) {
      const TopologyRoute route = t.route(a, b, 7), reference = shortest_path(t, a, b);
      walks = walks && is_walk(t, route, a, b) && is_walk(t, reference, a, b) && route.empty() == (a == b);
      shortest = shortest && route.size() == reference.size();
      pure = pure && route == t.route(a, b, 7);
    }
  CHECK(walks);
  CHECK(shortest);
  CHECK(pure);
}

}  // namespace rehearse::testing
