// Traffic as a Schedule of flows, replayed by Rehearse.
#include "tests/ns3/traffic.hpp"
#include "tests/support/replayed.hpp"

namespace rehearse::testing {
namespace {

Network network_of(const Topology& topology) {
  constexpr double payload_share = static_cast<double>(payload_bytes) / packet_bytes;
  Network network;
  for (std::uint32_t e = 0; e < topology.edges.size(); ++e)
    network.add_link({topology.link_name(e), topology.link(e).bandwidth * payload_share, topology.link(e).latency});
  return network;
}

PathId add_path(Network& network, const TopologyRoute& route) {
  std::vector<Hop> hops;
  for (const std::uint32_t edge : route) hops.push_back({LinkId{edge}});
  return network.add_path(std::move(hops));
}

}  // namespace

std::vector<double> flow_arrivals(const Traffic& traffic) {
  Network network = network_of(traffic.topology);
  ScheduleBuilder builder(static_cast<std::uint32_t>(traffic.topology.endpoints.size()));
  std::vector<OpId> flows;
  for (const Message& m : traffic.messages) {
    const OpId start = builder.add_compute({}, Kind::other, no_lane, m.start);
    for (const std::uint32_t before : m.after) builder.add_edge(flows[before], start);
    const PathId path = add_path(network, traffic.topology.route(m.source, m.destination, 0));
    flows.push_back(builder.add_flow({}, Kind::other, Rank{m.source}, Rank{m.destination}, m.bytes, path));
    builder.add_edge(start, flows.back());
  }
  const Timeline timeline = replay(network, builder.build());
  std::vector<double> arrivals;
  for (const OpId flow : flows) arrivals.push_back(timeline.end[index(flow)].value());
  return arrivals;
}

}  // namespace rehearse::testing
