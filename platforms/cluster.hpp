// Cluster: nodes of GPUs joined by a fabric, as links and routes between GPUs.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/base/document.hpp"
#include "engine/base/units.hpp"
#include "engine/network.hpp"
#include "platforms/degradation.hpp"
#include "platforms/device.hpp"
#include "platforms/protocol.hpp"

namespace rehearse {

struct Topology;

/// A node type as read from YAML (the keys are explained in nodes/dgx-a100.yaml). Bandwidths are as datasheets have
/// them; a link gets bandwidth times efficiency, what payload can reach of it. A bandwidth of zero: no such links.
struct Node {
  std::string name;  ///< of the catalogue entry that it is or is based on; else "custom"
  std::string description;
  std::map<std::string, std::string> origins;  ///< of the numbers of a section ("interconnect", "nic", ...), as text
  std::uint32_t gpus = 0;
  std::string device_name;        ///< as Device::name
  std::uint32_t nics = 0;         ///< GPU g uses NIC g * nics / gpus
  BytesPerSecond gpu_bandwidth;   ///< NVLink of one GPU (of one link of the in-node topology), one direction
  double gpu_efficiency = 1.0;    ///< what collectives reach of it
  Seconds gpu_latency;            ///< of one GPU-switch link (half of a GPU to GPU step)
  BytesPerSecond pcie_bandwidth;  ///< GPU <-> NIC, one direction
  double pcie_efficiency = 1.0;
  Seconds pcie_latency;
  Bytes host_memory;              ///< of the CPUs of a node together; zero: not said
  BytesPerSecond host_bandwidth;  ///< of that memory, reads and writes together
  double host_efficiency = 1.0;
  BytesPerSecond nic_bandwidth;  ///< one direction, datasheet
  double nic_efficiency = 1.0;   ///< of every link of the fabric
  Seconds nic_latency;           ///< of one port link; the default of every link of the fabric
  Seconds collective_launch;     ///< software cost of starting one collective
  /// What a GPU copies of its own input and output beside the messages of a collective; zero: at no cost.
  BytesPerSecond collective_copy;
  std::int64_t collective_multiprocessors = 0;    ///< of a GPU, that a collective takes from kernels beside it
  Bytes collective_buffer;                        ///< of GPU memory, that a communicator takes on each of its GPUs
  std::map<Protocol, ProtocolProfile> protocols;  ///< of the communication library; none: the links alone
  std::optional<SwitchProfile> computing_switch;  ///< none: the switch inside a node does not compute
};

/// A cluster as a scenario may write it (a catalogue name, or a mapping, maybe with a `base`) with the cluster, its
/// node type and its device all resolved to mappings: what Cluster::read takes, and what a result shows as its
/// scenario. Throws InputError (an unknown name, a file that is not there).
Value resolve_cluster(const Value& name_or_mapping, const std::string& key_path);

/// Nodes of one type that stand next to each other.
struct NodeGroup {
  Node node;
  Device device;
  std::uint32_t first_node = 0, nodes = 0;
  std::uint32_t first_gpu = 0;
  std::uint32_t first_nic = 0;  ///< endpoint of the fabric
};

/// What a flow that starts now can see, for routings that decide then.
struct LiveStart {
  std::uint64_t number = 0;                        ///< of flows that its GPU has started before
  std::function<std::uint32_t(LinkId)> load = {};  ///< flows under way on a link
};

/// Immutable. GPUs are numbered node by node, and NICs likewise.
class Cluster {
 public:
  /// `reader` holds
  ///   node     a name of the nodes catalogue, or a mapping, maybe {base: NAME, ...}
  ///   nodes    at least 1
  ///   groups   instead of both: a list of {node, nodes}, where nodes are of several types
  ///   fabric   `topology` (default fat_tree) and that topology's keys; its endpoints are the NICs, node by node. Left
  ///            unread where there is one node, and `prices` always. Where NICs differ a port is as fast as its NIC, at
  ///            most.
  ///   degradation  a list: degradation.hpp
  /// Faults are noted there; after one the cluster is unspecified but safe to destroy.
  static Cluster read(Reader& reader);

  [[nodiscard]] std::uint32_t node_count() const { return nodes_; }
  [[nodiscard]] std::uint32_t gpu_count() const { return gpus_; }
  [[nodiscard]] std::uint32_t node_of(std::uint32_t gpu) const;
  [[nodiscard]] std::uint32_t first_gpu(std::uint32_t node) const;
  /// The type of a node, and the device of a GPU.
  [[nodiscard]] const Node& node(std::uint32_t number) const { return group_of_node(number).node; }
  [[nodiscard]] const Device& device(std::uint32_t gpu) const { return group_of_gpu(gpu).device; }
  [[nodiscard]] std::span<const NodeGroup> groups() const { return groups_; }
  /// Of a GPU's multiprocessors, what a collective takes from kernels beside it.
  [[nodiscard]] double collective_share(std::uint32_t gpu) const;
  /// Index into groups() of a GPU's node.
  [[nodiscard]] std::uint32_t group_number(std::uint32_t gpu) const {
    return static_cast<std::uint32_t>(&group_of_gpu(gpu) - groups_.data());
  }
  /// Every directed link, as it is at the start: bandwidth is datasheet times efficiency, and less where the link is
  /// degraded (one that is down keeps its own, and no route crosses it). Node by node ("node3/gpu5/nvlink/up",
  /// "node3/gpu5/pcie/down", "node3/host/memory"), then the fabric: its port links ("node3/nic5/up", or between
  /// endpoints that are vertices "node3/nic0->node4/nic0"; both LinkKind::nic), and links between its switches
  /// ("fabric/leaf2->spine1").
  [[nodiscard]] const std::vector<Link>& links() const { return links_; }
  /// Links that a flow from GPU to GPU takes: NVLink inside a node; PCIe, NIC, fabric, NIC, PCIe between nodes.
  /// Inside a node without an interconnect, or where it is cut: PCIe up and down. Between nodes that have no way from
  /// NIC to NIC (rails without spines, links that are down) by another GPU of the one node or the other, which is
  /// reached over the interconnect (as NCCL's PXN does). `flow` spreads flows between the same pair (ECMP). Empty for a
  /// GPU to itself. Pure; O(hops). `epoch`: of degradation(). `start`: where given, for fabrics that are live(). Throws
  /// CutOff where there is no way.
  [[nodiscard]] std::vector<LinkId> route(std::uint32_t from, std::uint32_t to, std::uint64_t flow = 0,
                                          std::size_t epoch = 0, const LiveStart* start = nullptr) const;
  /// Whether routes depend on what is under way (Topology::live_route): any, or those between two GPUs.
  [[nodiscard]] bool live() const;
  [[nodiscard]] bool live(std::uint32_t from, std::uint32_t to) const;
  [[nodiscard]] const Degradation& degradation() const { return degradation_; }
  /// Bandwidth of a link in an epoch; zero where it is down.
  [[nodiscard]] BytesPerSecond bandwidth(LinkId link, std::size_t epoch) const;
  /// The link and, where it is a cable's, the one that comes back, in their order.
  [[nodiscard]] std::vector<LinkId> directions(LinkId link) const;
  /// Of a link of fabric().
  [[nodiscard]] LinkId fabric_link(std::uint32_t edge) const;
  /// The links from a GPU to the switch that all GPUs of its node hang on, and from there to the GPU. Empty where there
  /// is no such switch, or one of its links is down at the start.
  [[nodiscard]] std::vector<LinkId> route_to_switch(std::uint32_t gpu) const;
  [[nodiscard]] std::vector<LinkId> route_from_switch(std::uint32_t gpu) const;
  /// The links from a GPU to the memory of its node's CPUs and back: its PCIe link, and the memory's own
  /// ("node3/host/memory", LinkKind::host), which all GPUs and CPUs of the node share. Empty where the node's profile
  /// does not say both.
  [[nodiscard]] std::vector<LinkId> route_to_host(std::uint32_t gpu) const;
  [[nodiscard]] std::vector<LinkId> route_from_host(std::uint32_t gpu) const;
  /// Of an endpoint of the fabric: "node3/nic1".
  [[nodiscard]] std::string nic_name(std::uint32_t endpoint) const;
  /// The fabric as a graph, bandwidths before efficiency; null for a single node.
  [[nodiscard]] const Topology* fabric() const;
  /// The links between the GPUs of a node of a group, likewise; null where there are none.
  [[nodiscard]] const Topology* inside(std::size_t group) const;

  struct Graphs;  ///< private to platforms

 private:
  void degrade(Reader& list);
  [[nodiscard]] const NodeGroup& group_of_node(std::uint32_t node) const;
  [[nodiscard]] const NodeGroup& group_of_gpu(std::uint32_t gpu) const;

  std::vector<NodeGroup> groups_;
  std::uint32_t nodes_ = 0, gpus_ = 0;
  std::vector<Link> links_;
  Degradation degradation_;
  std::shared_ptr<const Graphs> graphs_;
};

/// One node type that is as slow as the slowest of these in everything that a collective asks of it, and has what all
/// have. Of one: itself.
Node slowest_of(const std::vector<const Node*>& types);

}  // namespace rehearse
