// Breadth-first search with the number of shortest paths to every vertex. Private to topologies.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "topologies/flat_graph.hpp"

namespace rehearse {

/// Of one source at a time; the arrays are used again.
class ShortestTree {
 public:
  static constexpr std::uint32_t unreached = std::numeric_limits<std::uint32_t>::max();

  explicit ShortestTree(const FlatGraph& graph) : graph_(graph) {}
  void grow(std::uint32_t source);

  [[nodiscard]] std::uint32_t hops(std::size_t v) const { return hops_[v]; }
  [[nodiscard]] double paths(std::size_t v) const { return paths_[v]; }
  /// Reached vertices, nearest first.
  [[nodiscard]] const std::vector<std::uint32_t>& order() const { return order_; }
  /// Of the paths to the end of a link, the share that comes over it; 0 where it is on no shortest path.
  [[nodiscard]] double share(std::uint32_t link) const {
    const std::uint32_t from = graph_.from[link], to = graph_.to[link];
    return hops_[from] != unreached && hops_[from] + 1 == hops_[to] ? paths_[from] / paths_[to] : 0.0;
  }

 private:
  const FlatGraph& graph_;
  std::vector<std::uint32_t> hops_, order_;
  std::vector<double> paths_;
};

}  // namespace rehearse
