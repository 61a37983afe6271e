// Cluster: nodes and fabric as one list of links. Links stand node by node (the in-node topology's, then PCIe up and
// down of each GPU), then the fabric's, in the order of their topologies: so a route is the topologies' links, shifted.
#include "platforms/cluster.hpp"

#include <limits>

#include "platforms/cluster_parts.hpp"

namespace rehearse {

struct Cluster::Fabric {
  Topology inside;          // of every node
  Topology between;         // of the NICs; empty for a single node
  bool one_switch = false;  // inside of every node
  bool pcie = false;
  std::uint32_t first_pcie = 0;  // within a node's links
  std::uint32_t links_per_node = 0;
  std::uint32_t first_between = 0;
};

namespace {

// A position, and efficiency that its links share, of a topology's links in the list.
struct Placement {
  std::string prefix;  // of links between switches
  double efficiency = 1.0;
  LinkKind port = LinkKind::other;   // of links that end at an endpoint
  LinkKind inner = LinkKind::other;  // of links between switches
};

// The links of a topology in its order. `name_of(endpoint)` begins the name of a port's link, as in "NAME/up".
template <class NameOf>
void append_links(std::vector<Link>& links, const Topology& topology, const Placement& place, NameOf name_of) {
  std::vector<std::uint32_t> number(boost::num_vertices(topology.graph), std::numeric_limits<std::uint32_t>::max());
  for (std::uint32_t e = 0; e < topology.endpoints.size(); ++e) number[topology.endpoints[e]] = e;
  for (std::uint32_t edge = 0; edge < topology.edges.size(); ++edge) {
    const auto from = boost::source(topology.edges[edge], topology.graph);
    const auto to = boost::target(topology.edges[edge], topology.graph);
    const bool out = topology.graph[from].is_endpoint, in = topology.graph[to].is_endpoint;
    std::string name = out && in ? name_of(number[from], "->") + name_of(number[to], "")
                       : out     ? name_of(number[from], "/up")
                       : in      ? name_of(number[to], "/down")
                                 : place.prefix + topology.link_name(edge);
    const TopologyLink& link = topology.link(edge);
    links.push_back(
        {std::move(name), link.bandwidth * place.efficiency, link.latency, out || in ? place.port : place.inner, 1});
  }
}

void append_node(std::vector<Link>& links, const Topology& inside, const Node& node, std::uint32_t number) {
  const std::string prefix = "node" + std::to_string(number) + "/";
  append_links(links, inside, {prefix + "nvlink/", node.gpu_efficiency, LinkKind::nvlink, LinkKind::nvlink},
               [&](std::uint32_t gpu, std::string_view tail) {
                 const std::string name = prefix + "gpu" + std::to_string(gpu);
                 return tail.starts_with('/') ? name + "/nvlink" + std::string(tail) : name + std::string(tail);
               });
  if (node.pcie_bandwidth == BytesPerSecond(0)) return;
  for (std::uint32_t gpu = 0; gpu < node.gpus; ++gpu)
    for (const char* direction : {"up", "down"})
      links.push_back({prefix + "gpu" + std::to_string(gpu) + "/pcie/" + direction,
                       node.pcie_bandwidth * node.pcie_efficiency, node.pcie_latency, LinkKind::pcie, 1});
}

void append_fabric(std::vector<Link>& links, const Topology& between, const Node& node) {
  append_links(links, between, {"fabric/", node.nic_efficiency, LinkKind::nic, LinkKind::fabric},
               [&](std::uint32_t endpoint, std::string_view tail) {
                 return "node" + std::to_string(endpoint / node.nics) + "/nic" + std::to_string(endpoint % node.nics) +
                        std::string(tail);
               });
}

// Whether all endpoints hang on one vertex that is none, each by one cable.
bool is_one_switch(const Topology& topology) {
  const std::size_t endpoints = topology.endpoints.size();
  return boost::num_vertices(topology.graph) == endpoints + 1 && topology.edges.size() == 2 * endpoints;
}

// How many nodes; at least one, so that nothing divides by zero.
std::uint32_t read_nodes(Reader& reader, const Node& node) {
  constexpr std::int64_t most_gpus = 1 << 20;
  const std::int64_t nodes = reader.get_at_least("nodes", 1);
  const std::int64_t most = most_gpus / std::max(node.gpus, 1u);
  if (nodes <= most) return static_cast<std::uint32_t>(nodes);
  reader.fault("nodes",
               "expected at most " + std::to_string(most) + " nodes of this type, found " + std::to_string(nodes));
  return 1;
}

Topology read_fabric(Reader& reader, const Node& node, std::uint32_t nodes) {
  Reader params = reader.child("fabric");
  if (nodes == 1 || node.gpus == 0) {  // nothing to join (or a node type with faults)
    params.mark_read();
    return {};
  }
  params.child("prices").mark_read();  // of what they buy, `rehearse topology` makes a sum
  if (node.nics > 0)
    return build_topology({nodes * node.nics, node.nic_bandwidth, node.nic_latency}, params, "fat_tree");
  params.mark_read();
  reader.fault("node", "the node type '" + node.name + "' has no NIC (nic.count), so " + std::to_string(nodes) +
                           " of them cannot be joined; only nodes: 1 can be");
  return {};
}

}  // namespace

Value resolve_cluster(const Value& name_or_mapping, const std::string& key_path) {
  Value cluster = resolve_named("clusters", name_or_mapping, key_path);
  if (cluster.find("node") == nullptr) return cluster;
  Value& node = cluster["node"];
  node = resolve_named("nodes", node, key_path + ".node");
  if (node.find("device") == nullptr) return cluster;
  Value& device = node["device"];
  device = resolve_named("devices", device, key_path + ".node.device");
  return cluster;
}

Cluster Cluster::read(Reader& reader) {
  for (const char* key : {"name", "description"}) static_cast<void>(reader.get<std::string>(key, ""));
  Cluster cluster;
  NodeParts parts = read_entry<NodeParts>(reader, "node", "nodes", read_node);
  cluster.nodes_ = read_nodes(reader, parts.node);
  const auto fabric = std::make_shared<Fabric>();
  fabric->inside = parts.inside;
  fabric->one_switch = is_one_switch(parts.inside);
  fabric->between = read_fabric(reader, parts.node, cluster.nodes_);
  cluster.node_ = std::move(parts.node);
  cluster.node_.gpus = std::max(cluster.node_.gpus, 1u);  // zero after a fault; nothing may divide by it
  cluster.device_ = std::move(parts.device);
  if (reader.any_fault()) return cluster;

  const Node& node = cluster.node_;
  fabric->pcie = node.pcie_bandwidth > BytesPerSecond(0);
  for (std::uint32_t n = 0; n < cluster.nodes_; ++n) append_node(cluster.links_, fabric->inside, node, n);
  fabric->first_pcie = static_cast<std::uint32_t>(fabric->inside.edges.size());
  fabric->links_per_node = fabric->first_pcie + (fabric->pcie ? 2 * node.gpus : 0);
  fabric->first_between = static_cast<std::uint32_t>(cluster.links_.size());
  append_fabric(cluster.links_, fabric->between, node);
  cluster.fabric_ = fabric;
  return cluster;
}

std::vector<LinkId> Cluster::route(std::uint32_t from, std::uint32_t to, std::uint64_t flow) const {
  std::vector<LinkId> links;
  if (from == to) return links;
  const Fabric& fabric = *fabric_;
  const std::uint32_t gpus = node_.gpus, node_a = from / gpus, node_b = to / gpus, gpu_a = from % gpus,
                      gpu_b = to % gpus;
  const auto append = [&links](std::uint32_t first, const TopologyRoute& route) {
    for (const std::uint32_t edge : route) links.push_back(LinkId{first + edge});
  };
  if (node_a == node_b && !fabric.inside.edges.empty()) {
    append(node_a * fabric.links_per_node, fabric.inside.route(gpu_a, gpu_b, flow));
    return links;
  }
  const auto pcie = [&](std::uint32_t node, std::uint32_t gpu, std::uint32_t down) {
    if (fabric.pcie) links.push_back(LinkId{node * fabric.links_per_node + fabric.first_pcie + 2 * gpu + down});
  };
  const auto endpoint = [this](std::uint32_t node, std::uint32_t gpu) {
    return node * node_.nics + gpu * node_.nics / node_.gpus;
  };
  pcie(node_a, gpu_a, 0);
  if (node_a != node_b)
    append(fabric.first_between, fabric.between.route(endpoint(node_a, gpu_a), endpoint(node_b, gpu_b), flow));
  pcie(node_b, gpu_b, 1);
  return links;
}

// The route between two GPUs of a node with one switch is up one link and down another.
std::vector<LinkId> Cluster::route_to_switch(std::uint32_t gpu) const {
  const std::uint32_t gpus = node_.gpus, other = gpu % gpus == 0 ? gpu + 1 : gpu - gpu % gpus;
  if (!fabric_->one_switch || gpus < 2) return {};
  return {route(gpu, other).front()};
}

std::vector<LinkId> Cluster::route_from_switch(std::uint32_t gpu) const {
  const std::uint32_t gpus = node_.gpus, other = gpu % gpus == 0 ? gpu + 1 : gpu - gpu % gpus;
  if (!fabric_->one_switch || gpus < 2) return {};
  return {route(other, gpu).back()};
}

const Topology* Cluster::fabric() const {
  return fabric_ == nullptr || fabric_->between.edges.empty() ? nullptr : &fabric_->between;
}

const Topology* Cluster::inside() const {
  return fabric_ == nullptr || fabric_->inside.edges.empty() ? nullptr : &fabric_->inside;
}

}  // namespace rehearse
