// TopologyJob: a fabric, read and validated, and what it comes to: what `rehearse topology` is asked for.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/document.hpp"
#include "platforms/cluster.hpp"
#include "topologies/survey.hpp"

namespace rehearse {

/// In a currency of the user's.
struct TopologyPrices {
  double of_switch = 0, of_port = 0, of_endpoint = 0;
  std::map<std::string, double> of_cable;  ///< by kind (CableKind::name)
};

/// What everything costs: ports are those in use.
struct TopologyCost {
  double switches = 0, ports = 0, cables = 0, endpoints = 0;
  [[nodiscard]] double total() const { return switches + ports + cables + endpoints; }
};

/// A network of the job: the fabric, or the inside of a node.
struct TopologyPart {
  std::string what;  ///< "fabric", "node", "topology"
  std::string node;  ///< type of the node that it is the inside of
  std::string name;  ///< of the topology table
  std::string routing;
  Topology topology;  ///< its endpoints have the names that people know: "node3/nic0", "gpu5"
  std::optional<TopologyPrices> prices;
};

struct TopologyJob {
  std::string name, description;
  std::optional<Cluster> cluster;   ///< none: a topology by itself
  std::vector<TopologyPart> parts;  ///< the fabric first
  Value resolved;                   ///< the cluster or topology as read, settings applied
};

/// Reads the job that a name or a YAML file stands for:
///   a cluster or a node type (with one node unless a setting says more): its fabric and the inside of its nodes
///   a scenario: its cluster
///   a topology, by a name of topology_table with `endpoints`, or a file with these keys and the topology's own:
///     topology, endpoints
///     endpoints_per_node   (1)
///     port                 {bandwidth (400 Gb/s), latency (500 ns)} of an endpoint
///     prices               beside `topology`, here and in the `fabric` of a cluster: {switch, port, endpoint, cables:
///                          a number, or one for each kind of cable}
/// `endpoints` (empty: none) overrides the file's. `settings` (KEY=VALUE) are laid over what the name stands for.
/// Throws InputError with all faults.
TopologyJob read_topology_job(const std::string& name_or_path, const std::string& endpoints,
                              const std::vector<std::string>& settings);

struct TopologyPartResult {
  TopologySurvey survey;
  std::optional<TopologyCost> cost;
};

struct TopologyResult {
  TopologyJob job;
  std::vector<TopologyPartResult> parts;  ///< of the job's
  Seconds wall;
};

TopologyResult run_topology_job(TopologyJob job);

}  // namespace rehearse
