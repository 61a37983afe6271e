// For tests of topologies: builders from YAML text, and what every route must be.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/base/document.hpp"
#include "topologies/metrics.hpp"
#include "topologies/topology.hpp"

namespace rehearse::testing {

inline constexpr double port = 25e9;

/// Builds and finishes: throws InputError on a fault.
inline Topology build(const std::string& yaml, std::uint32_t endpoints, std::uint32_t endpoints_per_node = 1) {
  Reader reader(parse_yaml(yaml, "test.yaml"), "topology");
  Topology topology = build_topology({endpoints, BytesPerSecond(port), Seconds(5e-7), endpoints_per_node}, reader);
  reader.finish();
  return topology;
}

/// The faults as text, a line each; empty where there are none.
inline std::string faults(const std::string& yaml, std::uint32_t endpoints, std::uint32_t endpoints_per_node = 1) {
  try {
    build(yaml, endpoints, endpoints_per_node);
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

/// Endpoints as asked, names of links unique, links in pairs to and fro of the same bandwidth and latency.
inline void check_structure(const Topology& t, std::uint32_t endpoints) {
  CHECK(t.endpoints.size() == endpoints);
  CHECK(t.edges.size() % 2 == 0);
  std::set<std::string> names;
  bool paired = true;
  for (std::uint32_t edge = 0; edge < t.edges.size(); ++edge) {
    names.insert(t.link_name(edge));
    const TopologyEdge &there = t.edges[edge], &back = t.edges[edge ^ 1u];
    paired = paired && boost::source(there, t.graph) == boost::target(back, t.graph) &&
             boost::target(there, t.graph) == boost::source(back, t.graph) &&
             t.link(edge).bandwidth == t.link(edge ^ 1u).bandwidth && t.link(edge).latency == t.link(edge ^ 1u).latency;
  }
  CHECK(paired);
  CHECK(names.size() == t.edges.size());
}

/// Whether there is a way from the first endpoint to every other.
inline bool is_connected(const Topology& t) {
  try {
    for (std::uint32_t e = 1; e < t.endpoints.size(); ++e) static_cast<void>(shortest_path(t, 0, e));
    return true;
  } catch (const NoRoute&) {
    return false;
  }
}

/// Cables of each class of links, by the forward link's.
inline std::map<std::string, std::uint32_t> cables_by_class(const Topology& t) {
  std::map<std::string, std::uint32_t> count;
  for (std::uint32_t edge = 0; edge < t.edges.size(); edge += 2) ++count[t.link(edge).link_class];
  return count;
}

/// The bandwidth and latency of a class of links, which all its links must have: {GB/s, us}.
inline std::pair<double, double> rate_of(const Topology& t, const std::string& link_class) {
  std::set<std::pair<double, double>> rates;
  for (std::uint32_t edge = 0; edge < t.edges.size(); ++edge)
    if (t.link(edge).link_class == link_class)
      rates.insert({t.link(edge).bandwidth.value() / 1e9, t.link(edge).latency.value() * 1e6});
  REQUIRE(rates.size() == 1);
  return *rates.begin();
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
