#include "topologies/paths.hpp"

#include <algorithm>
#include <limits>

#include "topologies/flat_graph.hpp"
#include "topologies/sample.hpp"
#include "topologies/shortest_tree.hpp"

namespace rehearse {
namespace {

// How many of `sources` may be looked at, drawn.
std::vector<std::uint32_t> sources_within(std::size_t sources, const FlatGraph& graph, const PathLimits& limits) {
  const double each = static_cast<double>(std::max<std::size_t>(graph.arcs.size() + graph.vertices(), 1));
  const double most = std::clamp(limits.steps / each, 1.0, static_cast<double>(sources));
  return sample(static_cast<std::uint32_t>(sources), static_cast<std::uint32_t>(most), limits.seed);
}

class PathCounter {
 public:
  void add(std::uint32_t links, double pairs, double paths) {
    if (pairs <= 0) return;
    metrics.pairs.resize(std::max<std::size_t>(metrics.pairs.size(), links + 1), 0.0);
    metrics.pairs[links] += pairs;
    least_ = std::min(least_, paths);
    sum_ += pairs * paths;
    reached_ += pairs;
    metrics.shortest_paths.most = std::max(metrics.shortest_paths.most, paths);
  }
  PathMetrics finish() {
    if (reached_ > 0) {
      metrics.shortest_paths.least = least_;
      metrics.shortest_paths.mean = sum_ / reached_;
    }
    return std::move(metrics);
  }
  PathMetrics metrics;

 private:
  double least_ = std::numeric_limits<double>::max(), sum_ = 0, reached_ = 0;
};

}  // namespace

std::uint32_t PathMetrics::diameter() const { return pairs.empty() ? 0 : static_cast<std::uint32_t>(pairs.size() - 1); }

double PathMetrics::mean_distance() const {
  double sum = 0, all = 0;
  for (std::size_t links = 0; links < pairs.size(); ++links) {
    sum += static_cast<double>(links) * pairs[links];
    all += pairs[links];
  }
  return all > 0 ? sum / all : 0.0;
}

PathMetrics measure_paths(const Topology& topology, const PathLimits& limits) {
  const FlatGraph graph = flatten_inner(topology);
  ShortestTree tree(graph);
  PathCounter counter;
  for (const std::uint32_t at : sources_within(graph.groups.size(), graph, limits)) {
    const EndpointGroup& from = graph.groups[at];
    counter.metrics.sources += from.members.size();
    tree.grow(from.vertex);
    for (const EndpointGroup& to : graph.groups) {
      const double pairs = from.size() * (&from == &to ? to.size() - 1 : to.size());
      if (tree.hops(to.vertex) == ShortestTree::unreached)
        counter.metrics.unreachable += pairs;
      else
        counter.add(tree.hops(to.vertex) + (from.hangs() ? 1 : 0) + (to.hangs() ? 1 : 0), pairs, tree.paths(to.vertex));
    }
  }
  return counter.finish();
}

std::optional<PathMetrics> measure_switch_distances(const Topology& topology, const PathLimits& limits) {
  std::vector<std::uint32_t> switches;
  for (std::uint32_t v = 0; v < boost::num_vertices(topology.graph); ++v)
    if (!topology.graph[v].is_endpoint) switches.push_back(v);
  if (switches.size() < 2) return std::nullopt;
  const FlatGraph graph = flatten_inner(topology);
  ShortestTree tree(graph);
  PathCounter counter;
  for (const std::uint32_t at : sources_within(switches.size(), graph, limits)) {
    ++counter.metrics.sources;
    tree.grow(switches[at]);
    for (const std::uint32_t to : switches) {
      if (to == switches[at]) continue;
      if (tree.hops(to) == ShortestTree::unreached)
        counter.metrics.unreachable += 1;
      else
        counter.add(tree.hops(to), 1, tree.paths(to));
    }
  }
  return counter.finish();
}

}  // namespace rehearse
