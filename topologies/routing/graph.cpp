#include "topologies/routing/graph.hpp"

#include <algorithm>
#include <utility>

#include "engine/base/mixing.hpp"

namespace rehearse {
namespace {

// Entries of all tables of distances together: 256 MiB.
constexpr std::size_t most_entries = 1u << 26;

}  // namespace

RoutingGraph::RoutingGraph(const Topology& topology, const std::vector<bool>& down)
    : endpoints_(topology.endpoints), group_(boost::num_vertices(topology.graph)) {
  add_links(topology, down);
  find_groups(topology);
}

void RoutingGraph::add_links(const Topology& topology, const std::vector<bool>& down) {
  const auto is_up = [&down](std::uint32_t edge) { return down.empty() || !down[edge]; };
  const auto tail = [&topology](std::uint32_t edge) { return boost::source(topology.edges[edge], topology.graph); };
  const auto edges = static_cast<std::uint32_t>(topology.edges.size());
  BytesPerSecond fastest;
  for (std::uint32_t edge = 0; edge < edges; ++edge) {
    heads_.push_back(static_cast<std::uint32_t>(boost::target(topology.edges[edge], topology.graph)));
    fastest = std::max(fastest, topology.link(edge).bandwidth);
  }
  out_.first.assign(group_.size() + 1, 0);
  in_.first.assign(group_.size() + 1, 0);
  for (std::uint32_t edge = 0; edge < edges; ++edge) {
    slowness_.push_back(fastest / topology.link(edge).bandwidth);
    if (!is_up(edge)) continue;
    ++out_.first[tail(edge) + 1];
    ++in_.first[heads_[edge] + 1];
  }
  for (Adjacency* adjacency : {&out_, &in_}) {
    for (std::size_t v = 0; v < group_.size(); ++v) adjacency->first[v + 1] += adjacency->first[v];
    adjacency->links.resize(adjacency->first.back());
  }
  std::vector<std::uint32_t> next_out = out_.first, next_in = in_.first;
  for (std::uint32_t edge = 0; edge < edges; ++edge) {
    if (!is_up(edge)) continue;
    const auto from = static_cast<std::uint32_t>(tail(edge));
    out_.links[next_out[from]++] = {heads_[edge], edge};
    in_.links[next_in[heads_[edge]]++] = {from, edge};
  }
}

void RoutingGraph::find_groups(const Topology& topology) {
  const bool switches = endpoints_.size() < group_.size();
  for (std::uint32_t v = 0; v < vertices(); ++v) {
    group_[v] = topology.graph[v].group;
    if (switches && topology.graph[v].is_endpoint) continue;
    intermediates_.push_back(v);
    groups_.push_back(group_[v]);
  }
  std::sort(groups_.begin(), groups_.end());
  groups_.erase(std::unique(groups_.begin(), groups_.end()), groups_.end());
  if (!switches) return;
  for (const std::uint32_t v : endpoints_) {
    const std::span<const Link> links = out(v);
    const auto first = std::find_if(links.begin(), links.end(),
                                    [&](const Link& link) { return !topology.graph[link.vertex].is_endpoint; });
    if (first != links.end()) group_[v] = topology.graph[first->vertex].group;
  }
}

RoutingGraph::Distances RoutingGraph::search(Cache& cache, std::uint32_t key, const Adjacency& backwards,
                                             std::vector<std::uint32_t> targets) const {
  if (const std::size_t tables = to_.size() + from_.size() + to_group_.size(); tables * vertices() > most_entries)
    for (Cache* all : {&to_, &from_, &to_group_}) all->clear();
  std::vector<std::uint32_t> hops(vertices(), unreachable);
  for (const std::uint32_t target : targets) hops[target] = 0;
  std::vector<std::uint32_t>& queue = targets;
  for (std::size_t i = 0; i < queue.size(); ++i) {
    const std::uint32_t at = queue[i];
    for (const Link& link : backwards.of(at))
      if (hops[link.vertex] == unreachable) {
        hops[link.vertex] = hops[at] + 1;
        queue.push_back(link.vertex);
      }
  }
  return cache[key] = std::make_shared<const std::vector<std::uint32_t>>(std::move(hops));
}

RoutingGraph::Distances RoutingGraph::to(std::uint32_t vertex) const {
  const auto known = to_.find(vertex);
  return known != to_.end() ? known->second : search(to_, vertex, in_, {vertex});
}

RoutingGraph::Distances RoutingGraph::from(std::uint32_t vertex) const {
  const auto known = from_.find(vertex);
  return known != from_.end() ? known->second : search(from_, vertex, out_, {vertex});
}

RoutingGraph::Distances RoutingGraph::to_group(std::uint32_t group) const {
  const auto known = to_group_.find(group);
  if (known != to_group_.end()) return known->second;
  std::vector<std::uint32_t> members;
  for (const std::uint32_t v : intermediates_)
    if (group_[v] == group) members.push_back(v);
  return search(to_group_, group, in_, std::move(members));
}

std::size_t HashChoice::pick(std::uint32_t vertex, std::size_t count) const { return mix(hash ^ vertex) % count; }

HashChoice hash_choice(std::uint64_t seed, std::uint32_t source, std::uint32_t destination, std::uint64_t flow) {
  return {mix({seed, source, destination, flow})};
}

}  // namespace rehearse
