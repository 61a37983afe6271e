// Cluster: who is where, and the ways between GPUs.
#include "platforms/cluster.hpp"

#include <algorithm>

#include "platforms/cluster_parts.hpp"

namespace rehearse {

namespace {

// The last group that begins at `number` or before.
template <std::uint32_t NodeGroup::*first>
const NodeGroup& group_at(const std::vector<NodeGroup>& groups, std::uint32_t number) {
  std::size_t g = groups.size() - 1;
  while (groups[g].*first > number) --g;
  return groups[g];
}

}  // namespace

const NodeGroup& Cluster::group_of_node(std::uint32_t node) const {
  return group_at<&NodeGroup::first_node>(groups_, node);
}

const NodeGroup& Cluster::group_of_gpu(std::uint32_t gpu) const {
  return group_at<&NodeGroup::first_gpu>(groups_, gpu);
}

std::uint32_t Cluster::node_of(std::uint32_t gpu) const {
  const NodeGroup& group = group_of_gpu(gpu);
  return group.first_node + (gpu - group.first_gpu) / group.node.gpus;
}

std::uint32_t Cluster::first_gpu(std::uint32_t node) const {
  const NodeGroup& group = group_of_node(node);
  return group.first_gpu + (node - group.first_node) * group.node.gpus;
}

std::uint32_t Cluster::endpoint_of(std::uint32_t gpu) const {
  const NodeGroup& group = group_of_gpu(gpu);
  const std::uint32_t node = (gpu - group.first_gpu) / group.node.gpus,
                      inside = (gpu - group.first_gpu) % group.node.gpus;
  return group.first_nic + node * group.node.nics + inside * group.node.nics / group.node.gpus;
}

std::vector<LinkId> Cluster::route(std::uint32_t from, std::uint32_t to, std::uint64_t flow) const {
  std::vector<LinkId> links;
  if (from == to) return links;
  const auto append = [&links](std::uint32_t first, const TopologyRoute& route) {
    for (const std::uint32_t edge : route) links.push_back(LinkId{first + edge});
  };
  const auto inside_of = [this](const NodeGroup& group) -> const Graphs::Inside& {
    return graphs_->inside[static_cast<std::size_t>(&group - groups_.data())];
  };
  const auto first_link = [&](const NodeGroup& group, std::uint32_t gpu) {
    const Graphs::Inside& inside = inside_of(group);
    return inside.first_link + (gpu - group.first_gpu) / group.node.gpus * inside.links_per_node;
  };
  const NodeGroup &group_a = group_of_gpu(from), &group_b = group_of_gpu(to);
  const bool same_node = node_of(from) == node_of(to);
  if (const Graphs::Inside& inside = inside_of(group_a); same_node && !inside.topology.edges.empty()) {
    const std::uint32_t base = from - (from - group_a.first_gpu) % group_a.node.gpus;
    append(first_link(group_a, from), inside.topology.route(from - base, to - base, flow));
    return links;
  }
  const auto pcie = [&](const NodeGroup& group, std::uint32_t gpu, std::uint32_t down) {
    const Graphs::Inside& inside = inside_of(group);
    const std::uint32_t own = (gpu - group.first_gpu) % group.node.gpus;
    if (inside.pcie) links.push_back(LinkId{first_link(group, gpu) + inside.first_pcie + 2 * own + down});
  };
  pcie(group_a, from, 0);
  if (!same_node) append(graphs_->first_between, graphs_->between.route(endpoint_of(from), endpoint_of(to), flow));
  pcie(group_b, to, 1);
  return links;
}

namespace {

// Another GPU of its node, or the same where it is alone.
std::uint32_t neighbour(const Cluster& cluster, std::uint32_t gpu) {
  const std::uint32_t first = cluster.first_gpu(cluster.node_of(gpu));
  if (gpu != first) return first;
  return cluster.node(cluster.node_of(gpu)).gpus > 1 ? gpu + 1 : gpu;
}

}  // namespace

// The route between two GPUs of a node with one switch is up one link and down another.
std::vector<LinkId> Cluster::route_to_switch(std::uint32_t gpu) const {
  const std::uint32_t other = neighbour(*this, gpu);
  if (!graphs_->inside[static_cast<std::size_t>(&group_of_gpu(gpu) - groups_.data())].one_switch || other == gpu)
    return {};
  return {route(gpu, other).front()};
}

std::vector<LinkId> Cluster::route_from_switch(std::uint32_t gpu) const {
  const std::uint32_t other = neighbour(*this, gpu);
  if (route_to_switch(gpu).empty()) return {};
  return {route(other, gpu).back()};
}

const Topology* Cluster::fabric() const {
  return graphs_ == nullptr || graphs_->between.edges.empty() ? nullptr : &graphs_->between;
}

const Topology* Cluster::inside(std::size_t group) const {
  return graphs_ == nullptr || graphs_->inside[group].topology.edges.empty() ? nullptr
                                                                             : &graphs_->inside[group].topology;
}

}  // namespace rehearse
