// For tests of closed forms: networks from topologies and clusters, and the times of collectives on them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/cluster_text.hpp"
#include "tests/support/collective_replay.hpp"
#include "tests/support/replayed.hpp"
#include "topologies/topology.hpp"

namespace rehearse::testing {

/// Links, and a path for every pair of endpoints.
struct Fabric {
  Network network;
  std::uint32_t endpoints = 0;
  std::vector<PathId> paths;  ///< from * endpoints + to
  [[nodiscard]] PathId path(std::uint32_t from, std::uint32_t to) const { return paths[from * endpoints + to]; }

  template <class RouteOf>
  void add_paths(std::uint32_t count, RouteOf route_of) {
    endpoints = count;
    for (std::uint32_t from = 0; from < count; ++from)
      for (std::uint32_t to = 0; to < count; ++to) {
        std::vector<Hop> hops;
        for (const auto link : route_of(from, to)) hops.push_back({LinkId{static_cast<std::uint32_t>(link)}});
        paths.push_back(network.add_path(std::move(hops)));
      }
  }
};

/// A topology from YAML text, with the port's bandwidth and latency.
inline Topology topology_of(const std::string& yaml, std::uint32_t endpoints, double bandwidth, double latency) {
  Reader reader(parse_yaml(yaml, "test.yaml"), "topology");
  Topology topology = build_topology({endpoints, BytesPerSecond(bandwidth), Seconds(latency)}, reader);
  reader.finish();
  return topology;
}

inline Fabric fabric_of(const Topology& topology) {
  Fabric out;
  for (std::uint32_t e = 0; e < topology.edges.size(); ++e)
    out.network.add_link({topology.link_name(e), topology.link(e).bandwidth, topology.link(e).latency});
  out.add_paths(static_cast<std::uint32_t>(topology.endpoints.size()),
                [&](std::uint32_t from, std::uint32_t to) { return topology.route(from, to, 0); });
  return out;
}

inline Fabric fabric_of(const Cluster& cluster) {
  Fabric out;
  for (const Link& link : cluster.links()) out.network.add_link(link);
  out.add_paths(cluster.gpu_count(), [&](std::uint32_t from, std::uint32_t to) { return cluster.route(from, to); });
  return out;
}

/// The positions in order, from `first` on, round a ring; backwards if `step` is n - 1.
inline std::vector<std::uint32_t> ring_order(std::uint32_t n, std::uint32_t first = 0, std::uint32_t step = 1) {
  std::vector<std::uint32_t> order;
  for (std::uint32_t i = 0; i < n; ++i) order.push_back((first + i * step) % n);
  return order;
}

/// The seconds that each pattern takes between the endpoints of the same numbers.
inline std::vector<double> collective_seconds(const Fabric& fabric, const std::vector<CollectiveReplay>& replays) {
  return collective_seconds(
      fabric.network,
      [&](std::uint32_t from, std::uint32_t to, std::uint32_t) {
        return SourceWire{fabric.path(from, to), fabric.network.latency(fabric.path(from, to)), 1};
      },
      replays);
}

}  // namespace rehearse::testing
