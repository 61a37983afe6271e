// Cluster: who is where, and the ways between GPUs.
#include "platforms/cluster.hpp"

#include <algorithm>

#include "platforms/cluster_parts.hpp"
#include "topologies/cables.hpp"

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

double Cluster::collective_share(std::uint32_t gpu) const {
  const NodeGroup& group = group_of_gpu(gpu);
  return static_cast<double>(group.node.collective_multiprocessors) / static_cast<double>(group.device.multiprocessors);
}

std::uint32_t Cluster::first_gpu(std::uint32_t node) const {
  const NodeGroup& group = group_of_node(node);
  return group.first_gpu + (node - group.first_node) * group.node.gpus;
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
  const bool cut = graphs_->cuts.front().inside.contains(node_of(gpu));
  if (!graphs_->inside[group_number(gpu)].one_switch || other == gpu || cut) return {};
  return {route(gpu, other).front()};
}

std::vector<LinkId> Cluster::route_from_switch(std::uint32_t gpu) const {
  const std::uint32_t other = neighbour(*this, gpu);
  if (route_to_switch(gpu).empty()) return {};
  return {route(other, gpu).back()};
}

std::vector<LinkId> Cluster::route_to_host(std::uint32_t gpu) const {
  const std::uint32_t g = group_number(gpu), number = gpu - groups_[g].first_gpu;
  const Graphs::Inside& inside = graphs_->inside[g];
  if (!inside.pcie || !inside.host) return {};
  const std::uint32_t gpus = groups_[g].node.gpus;
  const std::uint32_t first = inside.first_link + number / gpus * inside.links_per_node;
  return {LinkId{first + inside.first_pcie + 2 * (number % gpus)}, LinkId{first + inside.links_per_node - 1}};
}

std::vector<LinkId> Cluster::route_from_host(std::uint32_t gpu) const {
  const std::vector<LinkId> there = route_to_host(gpu);
  if (there.empty()) return {};
  return {there.back(), directions(there.front()).back()};
}

bool Cluster::live() const {
  const auto is_live = [](const Topology& topology) { return static_cast<bool>(topology.live_route); };
  return graphs_ != nullptr &&
         (is_live(graphs_->between) ||
          std::ranges::any_of(graphs_->inside, [&](const Graphs::Inside& i) { return is_live(i.topology); }));
}

bool Cluster::live(std::uint32_t from, std::uint32_t to) const {
  const bool same_node = node_of(from) == node_of(to);
  return static_cast<bool>((same_node ? graphs_->inside[group_number(from)].topology : graphs_->between).live_route);
}

BytesPerSecond Cluster::bandwidth(LinkId link, std::size_t epoch) const {
  const BytesPerSecond at_start = links_[index(link)].bandwidth;
  if (degradation_.epochs[epoch].links.empty() && degradation_.epochs.front().links.empty()) return at_start;
  const double share = degradation_.epochs.front().link(link).share;
  return (share > 0 ? at_start / share : at_start) * degradation_.epochs[epoch].link(link).share;
}

std::vector<LinkId> Cluster::directions(LinkId link) const {
  if (links_[index(link)].kind == LinkKind::host) return {link};
  const LinkPlace place = place_of(groups_, *graphs_, link);
  const auto edge = static_cast<std::uint32_t>(index(link)) - place.first;
  if (place.topology != nullptr && !is_cable(*place.topology, edge)) return {link};
  return {LinkId{place.first + (edge & ~1U)}, LinkId{place.first + (edge | 1U)}};
}

LinkId Cluster::fabric_link(std::uint32_t edge) const { return LinkId{graphs_->first_between + edge}; }

const Topology* Cluster::fabric() const {
  return graphs_ == nullptr || graphs_->between.edges.empty() ? nullptr : &graphs_->between;
}

const Topology* Cluster::inside(std::size_t group) const {
  return graphs_ == nullptr || graphs_->inside[group].topology.edges.empty() ? nullptr
                                                                             : &graphs_->inside[group].topology;
}

}  // namespace rehearse
