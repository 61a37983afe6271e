// adaptive: when a flow starts, it goes hop by hop over shortest paths, each time over the link where it would get the
// most: the greatest bandwidth / (flows under way + 1), so where bandwidths are the same the link with the fewest
// flows. Ties by a seeded hash of (source, destination, flow), mixed with the switch. Minimal adaptive routing that
// knows the loads of all links at once; a flow keeps its path until it ends.
#include <utility>

#include "topologies/routing/rows.hpp"

namespace rehearse {
namespace {

struct LoadChoice {
  const RoutingGraph& graph;
  const FlowStart& start;
  HashChoice tie;
  std::vector<std::size_t> best = {};

  std::size_t operator()(std::uint32_t vertex, std::span<const RoutingGraph::Link> links) {
    double least = 0;
    best.clear();
    for (std::size_t i = 0; i < links.size(); ++i) {
      const double share = (start.load(links[i].edge) + 1.0) * graph.slowness(links[i].edge);
      if (best.empty() || share < least) {
        best.assign(1, i);
        least = share;
      } else if (share == least) {
        best.push_back(i);
      }
    }
    return best[tie.pick(vertex, best.size())];
  }
};

}  // namespace

TopologyRoutes route_adaptive(std::shared_ptr<const RoutingGraph> graph, std::uint64_t seed) {
  return live_routes([graph = std::move(graph), seed](std::uint32_t source, std::uint32_t destination,
                                                      std::uint64_t flow, const FlowStart& start) {
    const HashChoice tie = hash_choice(seed, source, destination, flow);
    return shortest_route(*graph, source, destination, LoadChoice{*graph, start, tie});
  });
}

}  // namespace rehearse
