#include "workloads/collective_group.hpp"

#include <algorithm>
#include <map>

namespace rehearse {

CollectiveGroup::CollectiveGroup(const Cluster& cluster, std::vector<std::uint32_t> members)
    : cluster_(&cluster), members_(std::move(members)) {
  std::map<std::uint32_t, std::size_t> index_of;  // by node of the cluster
  for (std::uint32_t p = 0; p < members_.size(); ++p) {
    const auto [found, fresh] = index_of.try_emplace(cluster.node_of(members_[p]), nodes_.size());
    if (fresh) nodes_.emplace_back();
    nodes_[found->second].push_back(p);
  }
  for (const std::uint32_t gpu : members_) types_.push_back(cluster.group_number(gpu));
  std::ranges::sort(types_);
  types_.erase(std::unique(types_.begin(), types_.end()), types_.end());
  std::vector<const Node*> types;
  for (const std::uint32_t type : types_) types.push_back(&cluster.groups()[type].node);
  // The cluster keeps what is one of its own.
  node_ = types.size() == 1 ? std::shared_ptr<const Node>(std::shared_ptr<void>(), types.front())
                            : std::make_shared<const Node>(slowest_of(types));
  ring_channels_ = make_ring_channels();
}

std::uint32_t CollectiveGroup::gpu_at(std::uint32_t position) const {
  return members_[position < ranks() ? position : nodes_[position - ranks()].front()];
}

bool CollectiveGroup::has_switches() const {
  return node_->computing_switch && std::ranges::all_of(nodes_, [this](const auto& positions) {
           return !cluster_->route_to_switch(members_[positions.front()]).empty();
         });
}

bool CollectiveGroup::has_protocol(Protocol protocol) const {
  if (protocol == Protocol::none) return true;
  const auto& profiles = node_->protocols;
  const auto found = profiles.find(protocol);
  return found != profiles.end() && (nodes_.size() == 1 || found->second.between);
}

/// Of all links, or without `ports` of those between switches of the fabric, and what degradation adds to the others.
Seconds CollectiveGroup::link_latency(const std::vector<LinkId>& route, bool ports) const {
  Seconds sum;
  for (const LinkId id : route) {
    const Link& link = cluster_->links()[index(id)];
    const bool counts = ports || link.kind == LinkKind::fabric;
    sum += counts ? link.latency : cluster_->degradation().epochs.front().link(id).latency;
  }
  return sum;
}

GroupWire CollectiveGroup::switch_wire(std::uint32_t source, std::uint32_t destination, Protocol protocol) const {
  GroupWire wire;
  wire.route = source < ranks() ? cluster_->route_to_switch(members_[source])
                                : cluster_->route_from_switch(members_[destination]);
  wire.latency = link_latency(wire.route, true);
  // Half of the way from GPU to GPU.
  if (protocol != Protocol::none)
    wire.latency = node_->protocols.at(protocol).inside.latency * 0.5 + link_latency(wire.route, false);
  const BytesPerSecond link = cluster_->links()[index(wire.route.front())].bandwidth;
  wire.overhead = std::max(1.0, link / node_->computing_switch->bandwidth);
  return wire;
}

GroupWire CollectiveGroup::wire(std::uint32_t source, std::uint32_t destination, std::uint32_t channel,
                                Protocol protocol) const {
  if (source == destination) return {};
  if (std::max(source, destination) >= ranks()) return switch_wire(source, destination, protocol);
  const std::uint32_t from = members_[source], to = members_[destination];
  GroupWire wire{.route = cluster_->route(from, to, channel), .latency = {}};
  if (protocol == Protocol::none) {
    wire.latency = link_latency(wire.route, true);
    return wire;
  }
  const bool inside = cluster_->node_of(from) == cluster_->node_of(to);
  const Node& own = cluster_->node(cluster_->node_of(from));
  const ProtocolProfile& profile = (inside ? own : *node_).protocols.at(protocol);
  const ProtocolCost& cost = inside ? profile.inside : *profile.between;
  wire.latency = cost.latency + link_latency(wire.route, false);
  wire.overhead = wire_overhead(protocol) / cost.efficiency;
  return wire;
}

std::vector<std::vector<std::uint32_t>> CollectiveGroup::make_ring_channels() const {
  const std::size_t per_node = nodes_.front().size();
  const bool alike = std::ranges::all_of(nodes_, [&](const auto& node) { return node.size() == per_node; });
  std::vector<std::vector<std::uint32_t>> channels(alike && nodes_.size() > 1 ? per_node : 1);
  for (std::size_t c = 0; c < channels.size(); ++c)
    for (std::size_t n = 0; n < nodes_.size(); ++n) {
      const std::vector<std::uint32_t>& node = nodes_[n];
      // Backwards in every second node: it is entered by the NIC that the one before was left by.
      for (std::size_t i = 0; i < node.size(); ++i)
        channels[c].push_back(node[((n % 2 == 0 ? i : node.size() - 1 - i) + c) % node.size()]);
    }
  return channels;
}

}  // namespace rehearse
