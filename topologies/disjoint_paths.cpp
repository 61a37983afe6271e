// Paths that share no link, by augmenting paths (Ford and Fulkerson) over links of capacity one.
#include <algorithm>
#include <limits>

#include "topologies/flat_graph.hpp"
#include "topologies/paths.hpp"
#include "topologies/sample.hpp"

namespace rehearse {
namespace {

class Augmenter {
 public:
  explicit Augmenter(const FlatGraph& graph) : graph_(graph), arcs_(graph.vertices()) {
    for (std::uint32_t v = 0; v < graph.vertices(); ++v)
      for (const FlatGraph::Arc& arc : graph.out(v)) {
        arcs_[v].push_back(arc);
        // What was sent over a one-way link can be taken back.
        if (graph.capacity[arc.link ^ 1] == 0) arcs_[arc.to].push_back({v, arc.link ^ 1});
      }
  }

  std::uint32_t paths(std::uint32_t from, std::uint32_t to) {
    left_.clear();
    for (const double capacity : graph_.capacity) left_.push_back(capacity > 0 ? 1 : 0);
    std::uint32_t found = 0;
    while (reach(from, to)) {
      for (std::uint32_t v = to; v != from; v = graph_.from[entry_[v]]) {
        --left_[entry_[v]];
        ++left_[entry_[v] ^ 1];
      }
      ++found;
    }
    return found;
  }

 private:
  bool reach(std::uint32_t from, std::uint32_t to) {
    constexpr auto none = std::numeric_limits<std::uint32_t>::max();
    entry_.assign(graph_.vertices(), none);
    queue_.assign(1, from);
    for (std::size_t next = 0; next < queue_.size(); ++next)
      for (const FlatGraph::Arc& arc : arcs_[queue_[next]]) {
        if (left_[arc.link] == 0 || entry_[arc.to] != none || arc.to == from) continue;
        entry_[arc.to] = arc.link;
        if (arc.to == to) return true;
        queue_.push_back(arc.to);
      }
    return false;
  }

  const FlatGraph& graph_;
  std::vector<std::vector<FlatGraph::Arc>> arcs_;
  std::vector<std::uint8_t> left_;
  std::vector<std::uint32_t> entry_, queue_;
};

// The pair of that number among the unordered pairs (0, 1), (0, 2), (1, 2), (0, 3), ...
std::pair<std::uint32_t, std::uint32_t> pair_of(std::uint64_t number) {
  std::uint32_t high = 1;
  while (std::uint64_t{high} * (high + 1) / 2 <= number) ++high;
  return {static_cast<std::uint32_t>(number - std::uint64_t{high} * (high - 1) / 2), high};
}

// Numbers of the pairs to look at, each once.
std::vector<std::uint64_t> pairs_within(std::uint64_t all, std::uint64_t most, std::uint64_t seed) {
  std::vector<std::uint64_t> drawn;
  for (std::uint64_t i = 0; i < std::min(all, most); ++i) drawn.push_back(all <= most ? i : mix({seed, all, i}) % all);
  std::sort(drawn.begin(), drawn.end());
  drawn.erase(std::unique(drawn.begin(), drawn.end()), drawn.end());
  return drawn;
}

}  // namespace

std::optional<DisjointPaths> measure_disjoint_paths(const Topology& topology, std::uint64_t most_pairs,
                                                    std::uint64_t seed) {
  const FlatGraph whole = flatten(topology), inner = flatten_inner(topology);
  DisjointPaths out;
  out.between_switches =
      std::all_of(whole.groups.begin(), whole.groups.end(), [](const EndpointGroup& group) { return group.hangs(); });
  std::vector<std::uint32_t> ends = topology.endpoints;
  if (out.between_switches) {
    ends.clear();
    for (const EndpointGroup& group : whole.groups) ends.push_back(group.vertex);
    std::sort(ends.begin(), ends.end());
    ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
  }
  if (ends.size() < 2) return std::nullopt;
  const std::uint64_t all = std::uint64_t{ends.size()} * (ends.size() - 1) / 2;
  const std::vector<std::uint64_t> drawn = pairs_within(all, most_pairs, seed);
  Augmenter augmenter(out.between_switches ? inner : whole);
  out.pairs = drawn.size();
  out.all = out.pairs == all;
  out.paths.least = std::numeric_limits<double>::max();
  for (const std::uint64_t number : drawn) {
    const auto [a, b] = pair_of(number);
    const double paths = augmenter.paths(ends[a], ends[b]);
    out.paths = {std::min(out.paths.least, paths), out.paths.mean + paths / static_cast<double>(drawn.size()),
                 std::max(out.paths.most, paths)};
  }
  return out;
}

}  // namespace rehearse
