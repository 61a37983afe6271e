// Ways between GPUs, and around what is down.
#include <algorithm>
#include <optional>

#include "engine/conditions.hpp"
#include "platforms/cluster_parts.hpp"
#include "topologies/routing.hpp"

namespace rehearse {

namespace {

using Route = std::vector<LinkId>;

/// The way of one flow in one epoch.
class WayFinder {
 public:
  WayFinder(const Cluster& cluster, const Cluster::Graphs& graphs, std::uint64_t flow, std::size_t epoch,
            const LiveStart* start)
      : cluster_(cluster),
        graphs_(graphs),
        cut_(graphs.cuts[epoch]),
        epoch_(cluster.degradation().epochs[epoch]),
        flow_(flow),
        start_(start) {}

  Route find(std::uint32_t from, std::uint32_t to) const {
    const bool same_node = cluster_.node_of(from) == cluster_.node_of(to);
    if (std::optional<Route> way = same_node ? inside(from, to) : between(from, to); way) return *std::move(way);
    if (std::optional<Route> way = same_node ? std::nullopt : forwarded(from, to); way) return *std::move(way);
    throw CutOff("there is no way from " + name(from) + " to " + name(to));
  }

 private:
  /// A GPU's place in its node.
  struct Place {
    const NodeGroup& group;
    const Cluster::Graphs::Inside& inside;
    std::uint32_t node = 0, own = 0;  // in the group, in the node
    [[nodiscard]] std::uint32_t first_link() const { return inside.first_link + node * inside.links_per_node; }
    [[nodiscard]] std::uint32_t endpoint() const {
      return group.first_nic + node * group.node.nics + own * group.node.nics / group.node.gpus;
    }
  };

  [[nodiscard]] Place place(std::uint32_t gpu) const {
    const std::uint32_t g = cluster_.group_number(gpu);
    const NodeGroup& group = cluster_.groups()[g];
    const std::uint32_t number = gpu - group.first_gpu;
    return {group, graphs_.inside[g], number / group.node.gpus, number % group.node.gpus};
  }

  [[nodiscard]] std::string name(std::uint32_t gpu) const {
    const std::uint32_t node = cluster_.node_of(gpu);
    return "node" + std::to_string(node) + "/gpu" + std::to_string(gpu - cluster_.first_gpu(node));
  }

  /// Appends a topology's route; false where it has none.
  bool append(const Topology& topology, std::uint32_t first, std::uint32_t source, std::uint32_t destination,
              Route& links) const {
    try {
      for (const std::uint32_t edge : start_ != nullptr && topology.live_route
                                          ? topology.live_route(source, destination, flow_, seen_from(first))
                                          : topology.route(source, destination, flow_))
        links.push_back(LinkId{first + edge});
      return true;
    } catch (const NoRoute&) {
      return false;
    }
  }

  [[nodiscard]] FlowStart seen_from(std::uint32_t first) const {
    return {start_->number, [this, first](std::uint32_t edge) { return start_->load(LinkId{first + edge}); }};
  }

  bool append_pcie(const Place& at, bool down, Route& links) const {
    if (!at.inside.pcie) return true;
    const LinkId link{at.first_link() + at.inside.first_pcie + 2 * at.own + (down ? 1 : 0)};
    links.push_back(link);
    return epoch_.links.empty() || epoch_.link(link).share > 0;
  }

  [[nodiscard]] std::optional<Route> inside(std::uint32_t from, std::uint32_t to) const {
    const Place a = place(from), b = place(to);
    Route links;
    if (!a.inside.topology.edges.empty()) {
      const auto cut = cut_.inside.find(cluster_.node_of(from));
      const Topology& topology = cut == cut_.inside.end() ? a.inside.topology : *cut->second;
      if (append(topology, a.first_link(), a.own, b.own, links)) return links;
      links.clear();
    }
    if (!a.inside.pcie || !append_pcie(a, false, links) || !append_pcie(b, true, links)) return std::nullopt;
    return links;
  }

  [[nodiscard]] std::optional<Route> between(std::uint32_t from, std::uint32_t to) const {
    const Place a = place(from), b = place(to);
    Route links;
    const Topology& topology = cut_.between ? *cut_.between : graphs_.between;
    const bool found = append_pcie(a, false, links) &&
                       append(topology, graphs_.first_between, a.endpoint(), b.endpoint(), links) &&
                       append_pcie(b, true, links);
    return found ? std::optional(std::move(links)) : std::nullopt;
  }

  /// The GPUs of a node, `first` first.
  [[nodiscard]] std::vector<std::uint32_t> gpus_from(std::uint32_t node, std::uint32_t first) const {
    const std::uint32_t begin = cluster_.first_gpu(node), count = cluster_.node(node).gpus;
    std::vector<std::uint32_t> gpus;
    for (std::uint32_t i = 0; i < count; ++i) gpus.push_back(begin + (first - begin + i) % count);
    return gpus;
  }

  /// By another GPU of the sender's node, the one on the receiver's rail first, or of the receiver's, or both.
  [[nodiscard]] std::optional<Route> forwarded(std::uint32_t from, std::uint32_t to) const {
    const std::uint32_t node_a = cluster_.node_of(from), node_b = cluster_.node_of(to);
    for (const std::uint32_t last : gpus_from(node_b, to)) {
      const std::uint32_t rail =
          cluster_.first_gpu(node_a) + (last - cluster_.first_gpu(node_b)) % cluster_.node(node_a).gpus;
      for (const std::uint32_t first : gpus_from(node_a, rail))
        if (std::optional<Route> way = by(from, first, last, to); way) return way;
    }
    return std::nullopt;
  }

  [[nodiscard]] std::optional<Route> by(std::uint32_t from, std::uint32_t first, std::uint32_t last,
                                        std::uint32_t to) const {
    Route links;
    const auto join = [&links](const std::optional<Route>& part) {
      if (part) links.insert(links.end(), part->begin(), part->end());
      return part.has_value();
    };
    if (from != first && !join(inside(from, first))) return std::nullopt;
    if (!join(between(first, last))) return std::nullopt;
    if (last != to && !join(inside(last, to))) return std::nullopt;
    return links;
  }

  const Cluster& cluster_;
  const Cluster::Graphs& graphs_;
  const Cluster::Graphs::Cut& cut_;
  const Epoch& epoch_;
  std::uint64_t flow_;
  const LiveStart* start_;
};

std::shared_ptr<const Topology> without(const Topology& topology, const std::vector<bool>& down) {
  const auto cut = std::make_shared<Topology>(topology);
  set_links_down(*cut, down);
  return cut;
}

}  // namespace

std::vector<LinkId> Cluster::route(std::uint32_t from, std::uint32_t to, std::uint64_t flow, std::size_t epoch,
                                   const LiveStart* start) const {
  if (from == to) return {};
  return WayFinder(*this, *graphs_, flow, epoch, start).find(from, to);
}

LinkPlace place_of(std::span<const NodeGroup> groups, const Cluster::Graphs& graphs, LinkId link) {
  const auto number = static_cast<std::uint32_t>(index(link));
  if (number >= graphs.first_between) return {&graphs.between, graphs.first_between, no_index};
  std::size_t g = groups.size() - 1;
  while (graphs.inside[g].first_link > number) --g;
  const Cluster::Graphs::Inside& inside = graphs.inside[g];
  const std::uint32_t node = (number - inside.first_link) / inside.links_per_node;
  const std::uint32_t first = inside.first_link + node * inside.links_per_node;
  if (number - first < inside.first_pcie) return {&inside.topology, first, groups[g].first_node + node};
  return {nullptr, first + inside.first_pcie, groups[g].first_node + node};
}

std::vector<Cluster::Graphs::Cut> cut_graphs(std::span<const NodeGroup> groups, const Cluster::Graphs& graphs,
                                             const Degradation& degradation) {
  std::vector<Cluster::Graphs::Cut> cuts;
  for (const Epoch& epoch : degradation.epochs) {
    std::map<std::uint32_t, std::pair<const Topology*, std::vector<bool>>> down;  // by node; no_index: the fabric
    for (const auto& [link, state] : epoch.links) {
      const LinkPlace place = place_of(groups, graphs, link);
      if (state.share > 0 || place.topology == nullptr) continue;
      auto& [topology, links] = down[place.node];
      topology = place.topology;
      links.resize(topology->edges.size(), false);
      links[index(link) - place.first] = true;
    }
    Cluster::Graphs::Cut& cut = cuts.emplace_back();
    for (const auto& [node, part] : down)
      (node == no_index ? cut.between : cut.inside[node]) = without(*part.first, part.second);
  }
  return cuts;
}

}  // namespace rehearse
