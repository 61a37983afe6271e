// round_robin: the flows of a source take the shortest paths in turn. Flow k of endpoint s takes, where c links lead
// nearer, number (s + k) mod c of them; floor((s + k) / c) then chooses where there are several the next time. So the
// flows of a source are dealt out evenly, and so are the first flows of the endpoints of a switch.
#include <utility>

#include "topologies/routing/rows.hpp"

namespace rehearse {
namespace {

struct DigitChoice {
  std::uint64_t number;
  std::size_t operator()(std::uint32_t, std::span<const RoutingGraph::Link> links) {
    const std::size_t digit = number % links.size();
    number /= links.size();
    return digit;
  }
};

}  // namespace

TopologyRoutes route_round_robin(std::shared_ptr<const RoutingGraph> graph, std::uint64_t) {
  return live_routes([graph = std::move(graph)](std::uint32_t source, std::uint32_t destination, std::uint64_t,
                                                const FlowStart& start) {
    return shortest_route(*graph, source, destination, DigitChoice{source + start.number});
  });
}

}  // namespace rehearse
