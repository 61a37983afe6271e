// A group of GPUs as its collectives see it: nodes, routes, and what each message costs beside the links.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "platforms/cluster.hpp"
#include "workloads/collectives/collective.hpp"

namespace rehearse {

/// The way that messages of one channel take between two positions.
struct GroupWire {
  std::vector<LinkId> route;  ///< links of the cluster
  Seconds latency;            ///< of one message: of the links and of the protocol
  double overhead = 1.0;      ///< bytes on the wire for a byte of payload
};

/// GPUs of a cluster, position by position. Keeps a reference to the cluster.
class CollectiveGroup {
 public:
  CollectiveGroup(const Cluster& cluster, std::vector<std::uint32_t> members);

  [[nodiscard]] const Cluster& cluster() const { return *cluster_; }
  [[nodiscard]] std::uint32_t ranks() const { return static_cast<std::uint32_t>(members_.size()); }
  [[nodiscard]] const std::vector<std::uint32_t>& members() const { return members_; }
  /// The GPU at a position; of a switch: the first member of its node.
  [[nodiscard]] std::uint32_t gpu_at(std::uint32_t position) const;
  /// Positions by node, nodes in the order of their first member.
  [[nodiscard]] const std::vector<std::vector<std::uint32_t>>& nodes() const { return nodes_; }
  /// The node type of its members; where they are of several, the slowest of them in all that concerns collectives.
  [[nodiscard]] const Node& node() const { return *node_; }
  /// Which groups of the cluster's nodes its members are of, ascending.
  [[nodiscard]] const std::vector<std::uint32_t>& types() const { return types_; }
  /// Whether the GPUs of each node hang on one switch that computes (CollectiveRow::needs_switch).
  [[nodiscard]] bool has_switches() const;
  /// Whether the protocol can carry messages between all members.
  [[nodiscard]] bool has_protocol(Protocol protocol) const;
  /// Source and destination as in Transfer: a rank's position, or ranks() + node for the switch of that node. Of a
  /// local copy: no route and no latency.
  [[nodiscard]] GroupWire wire(std::uint32_t source, std::uint32_t destination, std::uint32_t channel,
                               Protocol protocol) const;
  /// Orders for the channels of rings, node by node: where several members share a node and each node has as many, one
  /// channel for each of them, rotated within the node so that every channel leaves and enters through other NICs,
  /// and forwards and backwards in turn so that it leaves a node and enters the next on the same rail (as NCCL's rings
  /// do); else one.
  [[nodiscard]] const std::vector<std::vector<std::uint32_t>>& ring_channels() const { return ring_channels_; }

 private:
  [[nodiscard]] std::vector<std::vector<std::uint32_t>> make_ring_channels() const;
  [[nodiscard]] GroupWire switch_wire(std::uint32_t source, std::uint32_t destination, Protocol protocol) const;
  [[nodiscard]] Seconds link_latency(const std::vector<LinkId>& route, bool ports) const;

  const Cluster* cluster_;
  std::shared_ptr<const Node> node_;
  std::vector<std::uint32_t> members_, types_;
  std::vector<std::vector<std::uint32_t>> nodes_, ring_channels_;
};

}  // namespace rehearse
