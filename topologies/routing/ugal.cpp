// ugal: when a flow starts, the better of a shortest path and a Valiant path (valiant.cpp; each chosen by a seeded hash
// of source, destination and flow): Singh, "Load-balanced routing in interconnection networks", PhD thesis, Stanford
// 2005. With the loads of whole paths at hand, UGAL-G of Kim et al., ISCA 2008: shortest where
//   load_min hops_min <= load_val hops_val,
// hops the links of a path, load the flows under way on its most loaded link, times how much slower that is than the
// fastest. Links that both paths cross (the ports of both endpoints) decide nothing and are left out of both loads. An
// idle network: shortest.
#include <algorithm>
#include <utility>

#include "topologies/routing/rows.hpp"

namespace rehearse {
namespace {

// Of the links that `other` does not cross.
double load_of(const RoutingGraph& graph, const TopologyRoute& route, const TopologyRoute& other,
               const FlowStart& start) {
  double most = 0;
  for (const std::uint32_t edge : route)
    if (std::find(other.begin(), other.end(), edge) == other.end())
      most = std::max(most, start.load(edge) * graph.slowness(edge));
  return most;
}

}  // namespace

TopologyRoutes route_ugal(std::shared_ptr<const RoutingGraph> graph, std::uint64_t seed) {
  return live_routes([graph = std::move(graph), seed](std::uint32_t source, std::uint32_t destination,
                                                      std::uint64_t flow, const FlowStart& start) {
    const HashChoice choose = hash_choice(seed, source, destination, flow);
    TopologyRoute minimal = shortest_route(*graph, source, destination, choose);
    TopologyRoute valiant = valiant_path(*graph, source, destination, choose);
    const double minimal_load = load_of(*graph, minimal, valiant, start);
    const double valiant_load = load_of(*graph, valiant, minimal, start);
    const auto hops = [](const TopologyRoute& route) { return static_cast<double>(route.size()); };
    return minimal_load * hops(minimal) <= valiant_load * hops(valiant) ? minimal : valiant;
  });
}

}  // namespace rehearse
