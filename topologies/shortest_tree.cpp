#include "topologies/shortest_tree.hpp"

namespace rehearse {

void ShortestTree::grow(std::uint32_t source) {
  hops_.assign(graph_.vertices(), unreached);
  paths_.assign(graph_.vertices(), 0.0);
  order_.assign(1, source);
  hops_[source] = 0;
  paths_[source] = 1;
  for (std::size_t next = 0; next < order_.size(); ++next) {
    const std::uint32_t v = order_[next];
    for (const FlatGraph::Arc& arc : graph_.out(v)) {
      if (hops_[arc.to] == unreached) {
        hops_[arc.to] = hops_[v] + 1;
        order_.push_back(arc.to);
      }
      if (hops_[arc.to] == hops_[v] + 1) paths_[arc.to] += paths_[v];
    }
  }
}

}  // namespace rehearse
