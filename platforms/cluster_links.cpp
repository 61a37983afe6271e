// The links of a cluster as one list.
#include <algorithm>
#include <limits>
#include <tuple>

#include "platforms/cluster_parts.hpp"

namespace rehearse {

namespace {

// A position, and efficiency that its links share, of a topology's links in the list.
struct Placement {
  std::string prefix;  // of links between switches
  double efficiency = 1.0;
  LinkKind port = LinkKind::other;   // of links that end at an endpoint
  LinkKind inner = LinkKind::other;  // of links between switches
};

// By vertex; of those that are none, anything.
std::vector<std::uint32_t> endpoint_numbers(const Topology& topology) {
  std::vector<std::uint32_t> number(boost::num_vertices(topology.graph), std::numeric_limits<std::uint32_t>::max());
  for (std::uint32_t e = 0; e < topology.endpoints.size(); ++e) number[topology.endpoints[e]] = e;
  return number;
}

// The links of a topology in its order. `name_of(endpoint)` begins the name of a port's link, as in "NAME/up".
template <class NameOf>
void append_links(std::vector<Link>& links, const Topology& topology, const Placement& place, NameOf name_of) {
  const std::vector<std::uint32_t> number = endpoint_numbers(topology);
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
  for (std::uint32_t gpu = 0; node.pcie_bandwidth > BytesPerSecond(0) && gpu < node.gpus; ++gpu)
    for (const char* direction : {"up", "down"})
      links.push_back({prefix + "gpu" + std::to_string(gpu) + "/pcie/" + direction,
                       node.pcie_bandwidth * node.pcie_efficiency, node.pcie_latency, LinkKind::pcie, 1});
  if (node.host_bandwidth > BytesPerSecond(0))
    links.push_back({prefix + "host/memory", node.host_bandwidth * node.host_efficiency, {}, LinkKind::host, 1});
}

const NodeGroup& group_of_endpoint(std::span<const NodeGroup> groups, std::uint32_t endpoint) {
  std::size_t g = groups.size() - 1;
  while (groups[g].first_nic > endpoint) --g;
  return groups[g];
}

std::string name_of_nic(std::span<const NodeGroup> groups, std::uint32_t endpoint) {
  const NodeGroup& group = group_of_endpoint(groups, endpoint);
  const std::uint32_t nic = endpoint - group.first_nic;
  return "node" + std::to_string(group.first_node + nic / group.node.nics) + "/nic" +
         std::to_string(nic % group.node.nics);
}

void append_fabric(std::vector<Link>& links, const Topology& between, std::span<const NodeGroup> groups) {
  const auto name_of = [&](std::uint32_t endpoint, std::string_view tail) {
    return name_of_nic(groups, endpoint) + std::string(tail);
  };
  append_links(links, between, {"fabric/", fastest_nic(groups).nic_efficiency, LinkKind::nic, LinkKind::fabric},
               name_of);
}

bool nics_alike(std::span<const NodeGroup> groups) {
  const auto key = [](const Node& n) { return std::tuple(n.nic_bandwidth, n.nic_efficiency, n.nic_latency); };
  return std::ranges::all_of(groups, [&](const NodeGroup& g) { return key(g.node) == key(groups.front().node); });
}

// A port is as fast as the slower of its ends, and reaches what that NIC reaches of it.
void fit_ports(std::vector<Link>& links, const Cluster::Graphs& graphs, std::span<const NodeGroup> groups) {
  const Topology& between = graphs.between;
  const Seconds unsaid = fastest_nic(groups).nic_latency;
  const std::vector<std::uint32_t> number = endpoint_numbers(between);
  for (std::uint32_t edge = 0; edge < between.edges.size(); ++edge)
    for (const auto vertex :
         {boost::source(between.edges[edge], between.graph), boost::target(between.edges[edge], between.graph)}) {
      if (!between.graph[vertex].is_endpoint) continue;
      const Node& node = group_of_endpoint(groups, number[vertex]).node;
      Link& link = links[graphs.first_between + edge];
      const BytesPerSecond own = std::min(between.link(edge).bandwidth, node.nic_bandwidth) * node.nic_efficiency;
      link.bandwidth = std::min(link.bandwidth, own);
      if (between.link(edge).latency == unsaid) link.latency = std::max(link.latency, node.nic_latency);
    }
}

}  // namespace

const Node& fastest_nic(std::span<const NodeGroup> groups) {
  return std::ranges::max_element(groups, {}, [](const NodeGroup& g) { return g.node.nic_bandwidth; })->node;
}

std::string Cluster::nic_name(std::uint32_t endpoint) const { return name_of_nic(groups_, endpoint); }

std::vector<Link> list_links(std::span<const NodeGroup> groups, Cluster::Graphs& graphs) {
  std::vector<Link> links;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const Node& node = groups[g].node;
    Cluster::Graphs::Inside& inside = graphs.inside[g];
    inside.pcie = node.pcie_bandwidth > BytesPerSecond(0);
    inside.first_pcie = static_cast<std::uint32_t>(inside.topology.edges.size());
    inside.host = node.host_bandwidth > BytesPerSecond(0);
    inside.links_per_node = inside.first_pcie + (inside.pcie ? 2 * node.gpus : 0) + (inside.host ? 1 : 0);
    inside.first_link = static_cast<std::uint32_t>(links.size());
    for (std::uint32_t n = 0; n < groups[g].nodes; ++n)
      append_node(links, inside.topology, node, groups[g].first_node + n);
  }
  graphs.first_between = static_cast<std::uint32_t>(links.size());
  append_fabric(links, graphs.between, groups);
  if (!nics_alike(groups)) fit_ports(links, graphs, groups);
  return links;
}

}  // namespace rehearse
