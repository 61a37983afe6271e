#include "topologies/cut_bounds.hpp"

#include <algorithm>
#include <limits>

#include "topologies/shortest_tree.hpp"

namespace rehearse {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

std::size_t endpoints_of(const FlatGraph& graph) {
  std::size_t count = 0;
  for (const EndpointGroup& group : graph.groups) count += group.members.size();
  return count;
}

double least_port(const FlatGraph& graph) {
  double least = infinity;
  for (const EndpointGroup& group : graph.groups)
    if (group.hangs()) least = std::min(least, group.port);
  return least;
}

// Whether every endpoint is reached from the source of the tree.
bool reaches_all(const FlatGraph& graph, const ShortestTree& tree) {
  return std::all_of(graph.groups.begin(), graph.groups.end(),
                     [&](const EndpointGroup& group) { return tree.hops(group.vertex) != ShortestTree::unreached; });
}

// Of each link the greatest share that the traffic from the tree's source to any one endpoint has on it.
class GreatestShares {
 public:
  GreatestShares(const FlatGraph& graph, double steps)
      : graph_(graph), share_(graph.capacity.size(), 0.0), arriving_(graph.vertices(), 0.0), steps_(steps) {}

  [[nodiscard]] bool over() const { return steps_ < 0; }
  [[nodiscard]] double share(std::size_t link) const { return share_[link]; }

  void look(const ShortestTree& tree) {
    std::fill(share_.begin(), share_.end(), 0.0);
    fill_entries(tree);
    for (const EndpointGroup& to : graph_.groups)
      if (tree.hops(to.vertex) > 0 && !over()) walk_back(to.vertex);
  }

 private:
  struct Entry {
    std::uint32_t from, link;
    double share;
  };

  // The links by which shortest paths enter each vertex.
  void fill_entries(const ShortestTree& tree) {
    first_.assign(graph_.vertices() + 1, 0);
    entries_.clear();
    for (std::size_t v = 0; v < graph_.vertices(); ++v) {
      for (const FlatGraph::Arc& arc : graph_.out(v))
        if (const double part = tree.share(arc.link ^ 1); part > 0) entries_.push_back({arc.to, arc.link ^ 1, part});
      first_[v + 1] = static_cast<std::uint32_t>(entries_.size());
    }
  }

  void walk_back(std::uint32_t to) {
    queue_.assign(1, to);
    arriving_[to] = 1;
    for (std::size_t next = 0; next < queue_.size(); ++next) {
      const std::uint32_t v = queue_[next];
      for (std::uint32_t i = first_[v]; i < first_[v + 1]; ++i) {
        const Entry& entry = entries_[i];
        const double part = arriving_[v] * entry.share;
        share_[entry.link] = std::max(share_[entry.link], part);
        if (arriving_[entry.from] == 0) queue_.push_back(entry.from);
        arriving_[entry.from] += part;
      }
      steps_ -= first_[v + 1] - first_[v] + 1;
    }
    for (const std::uint32_t v : queue_) arriving_[v] = 0;
  }

  const FlatGraph& graph_;
  std::vector<double> share_;
  std::vector<std::uint32_t> first_, queue_;
  std::vector<Entry> entries_;
  std::vector<double> arriving_;
  double steps_;
};

}  // namespace

BytesPerSecond all_to_all_bound(const FlatGraph& graph) {
  if (graph.one_way) return {};
  const std::size_t n = endpoints_of(graph);
  std::vector<double> weight(graph.vertices(), 0.0), load(graph.capacity.size(), 0.0), beyond;
  for (const EndpointGroup& group : graph.groups) weight[group.vertex] += group.size();
  ShortestTree tree(graph);
  for (const EndpointGroup& from : graph.groups) {
    tree.grow(from.vertex);
    if (!reaches_all(graph, tree)) return {};
    beyond = weight;
    for (auto v = tree.order().rbegin(); v != tree.order().rend(); ++v)
      for (const FlatGraph::Arc& arc : graph.out(*v)) {
        const std::uint32_t into = arc.link ^ 1;
        const double part = beyond[*v] * tree.share(into);
        load[into] += from.size() * part;
        beyond[arc.to] += part;
      }
  }
  double rate = least_port(graph) / static_cast<double>(n - 1);
  for (std::size_t e = 0; e < load.size(); ++e)
    if (load[e] > 0) rate = std::min(rate, graph.capacity[e] / load[e]);
  return BytesPerSecond(static_cast<double>(n / 2) * static_cast<double>(n - n / 2) * rate);
}

BytesPerSecond permutation_bound(const FlatGraph& graph, double steps) {
  if (graph.one_way) return {};
  const std::size_t n = endpoints_of(graph);
  std::vector<double> load(graph.capacity.size(), 0.0);
  GreatestShares greatest(graph, steps);
  ShortestTree tree(graph);
  for (const EndpointGroup& from : graph.groups) {
    tree.grow(from.vertex);
    if (!reaches_all(graph, tree)) return {};
    greatest.look(tree);
    if (greatest.over()) return {};
    for (std::size_t e = 0; e < load.size(); ++e) load[e] += from.size() * greatest.share(e);
  }
  double rate = least_port(graph);
  // By sources, or by destinations, which is by sources of the other direction.
  for (std::size_t e = 0; e < load.size(); ++e)
    if (load[e] > 0) rate = std::min(rate, graph.capacity[e] / std::min(load[e], load[e ^ 1]));
  return BytesPerSecond(static_cast<double>(n / 2) * rate);
}

}  // namespace rehearse
