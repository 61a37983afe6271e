#include "topologies/xgft.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <numeric>

#include "engine/base/mixing.hpp"

namespace rehearse {
namespace {

// Numbers of vertices and cables at a height: of the trees of that height that hold endpoints, in the order of
// `trees`, each root in turn.
struct Level {
  std::uint64_t leaves = 1;   // slots below a tree of this height
  std::uint64_t roots = 1;    // W_i
  std::uint64_t parents = 0;  // of each root; 0 at the top
  std::vector<std::uint64_t> trees;
  std::vector<std::uint32_t> rank;  // of a tree, in `trees`
  std::uint32_t first_vertex = 0;
  std::uint32_t first_link = 0;  // of the cables that go up from here

  [[nodiscard]] std::uint32_t vertex(std::uint64_t tree, std::uint64_t root) const {
    return first_vertex + static_cast<std::uint32_t>(rank[tree] * roots + root);
  }
  // The upward link from a root through up-port `port`; the downward one is the next.
  [[nodiscard]] std::uint32_t link(std::uint64_t slot, std::uint64_t up_ports) const {
    const std::uint64_t root = up_ports % roots, port = up_ports / roots % parents;
    return first_link + static_cast<std::uint32_t>(2 * ((rank[slot / leaves] * roots + root) * parents + port));
  }
  void set_trees(std::vector<std::uint64_t> with_endpoints) {
    trees = std::move(with_endpoints);
    rank.resize(*std::max_element(trees.begin(), trees.end()) + 1);
    for (std::uint32_t r = 0; r < trees.size(); ++r) rank[trees[r]] = r;
  }
};

struct Forest {
  std::vector<std::uint64_t> slots;
  std::vector<std::vector<Level>> planes;
};

std::vector<Level> levels_of(const Xgft& tree, const std::vector<std::uint64_t>& slots) {
  constexpr std::uint64_t most_leaves = std::uint64_t{1} << 40;  // beyond any slot
  std::vector<Level> levels(tree.height() + 1);
  levels[0].set_trees(slots);
  for (std::size_t i = 0; i <= tree.height(); ++i) {
    Level& level = levels[i];
    level.roots = tree.roots(i);
    if (i < tree.height()) level.parents = tree.parents[i];
    if (i == 0) continue;
    level.leaves = std::min(levels[i - 1].leaves * tree.children[i - 1], most_leaves);
    std::vector<std::uint64_t> trees;
    for (const std::uint64_t slot : slots) trees.push_back(slot / level.leaves);
    std::sort(trees.begin(), trees.end());
    trees.erase(std::unique(trees.begin(), trees.end()), trees.end());
    level.set_trees(std::move(trees));
  }
  return levels;
}

void add_plane(Topology& topology, const Xgft& tree, std::vector<Level>& levels, const std::string& prefix) {
  for (std::size_t i = 1; i <= tree.height(); ++i) {
    const auto count = static_cast<std::uint32_t>(levels[i].trees.size() * levels[i].roots);
    levels[i].first_vertex = add_switches(topology, count, prefix + switch_name(i), count);
  }
  for (std::size_t i = 0; i < tree.height(); ++i) {
    Level& level = levels[i];
    level.first_link = static_cast<std::uint32_t>(topology.edges.size());
    for (const std::uint64_t s : level.trees)
      for (std::uint64_t y = 0; y < level.roots; ++y)
        for (std::uint64_t port = 0; port < level.parents; ++port)
          add_cable(topology, level.vertex(s, y), levels[i + 1].vertex(s / tree.children[i], y + port * level.roots),
                    tree.cables[i]);
  }
}

TopologyRoute climb_and_descend(const Forest& forest, std::uint32_t from, std::uint32_t to, std::uint64_t plane,
                                std::uint64_t up_ports) {
  TopologyRoute route;
  if (from == to) return route;
  const std::vector<Level>& levels = forest.planes[plane];
  const std::uint64_t source = forest.slots[from], destination = forest.slots[to];
  std::size_t common = 1;
  while (common < levels.size() && source / levels[common].leaves != destination / levels[common].leaves) ++common;
  if (common == levels.size()) throw NoRoute(from, to);
  for (std::size_t i = 0; i < common; ++i) route.push_back(levels[i].link(source, up_ports));
  for (std::size_t i = common; i-- > 0;) route.push_back(levels[i].link(destination, up_ports) + 1);
  return route;
}

}  // namespace

std::uint64_t Xgft::roots(std::size_t i) const {
  std::uint64_t product = 1;
  for (std::size_t k = 0; k < i; ++k) product *= parents[k];
  return product;
}

std::uint64_t Xgft::trees(std::size_t i, std::uint64_t endpoints) const {
  for (std::size_t k = 0; k < i; ++k) endpoints = (endpoints + children[k] - 1) / children[k];
  return endpoints;
}

std::string switch_name(std::size_t height) {
  static constexpr std::array<std::string_view, 3> names{"leaf", "spine", "core"};
  return height <= names.size() ? std::string(names[height - 1]) : "tier" + std::to_string(height) + "_";
}

std::vector<std::uint64_t> slots_from_left(std::uint32_t endpoints) {
  std::vector<std::uint64_t> slots(endpoints);
  std::iota(slots.begin(), slots.end(), std::uint64_t{0});
  return slots;
}

Topology build_xgft(const Xgft& tree, std::vector<std::uint64_t> slots, std::uint32_t planes) {
  Topology topology;
  add_endpoints(topology, static_cast<std::uint32_t>(slots.size()));
  const auto forest = std::make_shared<Forest>();
  for (std::uint32_t plane = 0; plane < planes; ++plane) {
    forest->planes.push_back(levels_of(tree, slots));
    add_plane(topology, tree, forest->planes.back(), planes > 1 ? "plane" + std::to_string(plane) + "-" : "");
  }
  forest->slots = std::move(slots);
  topology.own_routings["d_mod_k"] = [forest, planes](std::uint64_t) -> RouteFunction {
    return [forest, planes](std::uint32_t source, std::uint32_t destination, std::uint64_t) {
      const std::uint64_t plane = (std::uint64_t{source} + destination) % planes;
      return climb_and_descend(*forest, source, destination, plane, forest->slots[destination]);
    };
  };
  topology.own_routings["ecmp"] = [forest, planes](std::uint64_t seed) -> RouteFunction {
    return [forest, planes, seed](std::uint32_t source, std::uint32_t destination, std::uint64_t flow) {
      const std::uint64_t hash = mix({seed, source, destination, flow});
      return climb_and_descend(*forest, source, destination, hash % planes, hash / planes);
    };
  };
  return topology;
}

}  // namespace rehearse
