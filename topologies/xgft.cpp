#include "topologies/xgft.hpp"

#include <array>
#include <memory>

#include "engine/base/mixing.hpp"

namespace rehearse {
namespace {

// Numbers of vertices and cables: vertex (i, s, y) is root y of the s-th tree of height i.
struct Level {
  std::uint64_t leaves = 1;   // endpoints below a tree of this height
  std::uint64_t roots = 1;    // W_i
  std::uint64_t parents = 0;  // of each root; 0 at the top
  std::uint32_t first_vertex = 0;
  std::uint32_t first_link = 0;  // of the cables that go up from here

  [[nodiscard]] std::uint32_t vertex(std::uint64_t tree, std::uint64_t root) const {
    return first_vertex + static_cast<std::uint32_t>(tree * roots + root);
  }
  // The upward link from a root through up-port `port`; the downward one is the next.
  [[nodiscard]] std::uint32_t link(std::uint64_t tree, std::uint64_t root, std::uint64_t port) const {
    return first_link + static_cast<std::uint32_t>(2 * ((tree * roots + root) * parents + port));
  }
  [[nodiscard]] std::uint32_t link(std::uint64_t endpoint, std::uint64_t up_ports) const {
    return link(endpoint / leaves, up_ports % roots, up_ports / roots % parents);
  }
};

std::vector<Level> add_vertices(Topology& topology, const Xgft& tree, std::uint32_t endpoints) {
  std::vector<Level> levels(tree.height() + 1);
  std::uint32_t vertices = 0;
  for (std::size_t i = 0; i <= tree.height(); ++i) {
    Level& level = levels[i];
    if (i > 0) level.leaves = levels[i - 1].leaves * tree.children[i - 1];
    level.roots = tree.roots(i);
    if (i < tree.height()) level.parents = tree.parents[i];
    level.first_vertex = vertices;
    vertices += static_cast<std::uint32_t>(tree.trees(i, endpoints) * level.roots);
  }
  for (std::size_t i = 0; i <= tree.height(); ++i) {
    const std::uint32_t end = i < tree.height() ? levels[i + 1].first_vertex : vertices;
    for (std::uint32_t v = levels[i].first_vertex; v < end; ++v)
      add_vertex(topology,
                 {(i == 0 ? "endpoint" : switch_name(i)) + std::to_string(v - levels[i].first_vertex), i == 0});
  }
  return levels;
}

void add_cables(Topology& topology, const Xgft& tree, std::vector<Level>& levels, std::uint32_t endpoints) {
  for (std::size_t i = 0; i < tree.height(); ++i) {
    Level& level = levels[i];
    level.first_link = static_cast<std::uint32_t>(topology.edges.size());
    const std::uint64_t trees = tree.trees(i, endpoints);
    for (std::uint64_t s = 0; s < trees; ++s)
      for (std::uint64_t y = 0; y < level.roots; ++y)
        for (std::uint64_t port = 0; port < level.parents; ++port)
          add_cable(topology, level.vertex(s, y), levels[i + 1].vertex(s / tree.children[i], y + port * level.roots),
                    tree.cables[i]);
  }
}

TopologyRoute climb_and_descend(const std::vector<Level>& levels, std::uint32_t source, std::uint32_t destination,
                                std::uint64_t up_ports) {
  TopologyRoute route;
  if (source == destination) return route;
  std::size_t common = 1;
  while (source / levels[common].leaves != destination / levels[common].leaves) ++common;
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

Topology build_xgft(const Xgft& tree, std::uint32_t endpoints) {
  Topology topology;
  const auto levels = std::make_shared<std::vector<Level>>(add_vertices(topology, tree, endpoints));
  add_cables(topology, tree, *levels, endpoints);
  topology.own_routings["d_mod_k"] = [levels](std::uint64_t) -> RouteFunction {
    return [levels](std::uint32_t source, std::uint32_t destination, std::uint64_t) {
      return climb_and_descend(*levels, source, destination, destination);
    };
  };
  topology.own_routings["ecmp"] = [levels](std::uint64_t seed) -> RouteFunction {
    return [levels, seed](std::uint32_t source, std::uint32_t destination, std::uint64_t flow) {
      return climb_and_descend(*levels, source, destination, mix({seed, source, destination, flow}));
    };
  };
  return topology;
}

}  // namespace rehearse
