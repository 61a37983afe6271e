// What collectives over nodes of several types are held up by.
#include <algorithm>

#include "platforms/cluster.hpp"

namespace rehearse {

namespace {

ProtocolCost slower(const ProtocolCost& a, const ProtocolCost& b) {
  return {.latency = std::max(a.latency, b.latency), .efficiency = std::min(a.efficiency, b.efficiency)};
}

ProtocolProfile slower(const ProtocolProfile& a, const ProtocolProfile& b) {
  ProtocolProfile out{.start = std::max(a.start, b.start),
                      .chunk = std::min(a.chunk, b.chunk),
                      .inside = slower(a.inside, b.inside),
                      .between = {}};
  if (a.between && b.between) out.between = slower(*a.between, *b.between);
  return out;
}

// Zero: at no cost.
BytesPerSecond slower_copy(BytesPerSecond a, BytesPerSecond b) {
  return a == BytesPerSecond() || b == BytesPerSecond() ? std::max(a, b) : std::min(a, b);
}

Node slower(Node a, const Node& b) {
  a.name += " and " + b.name;
  a.collective_launch = std::max(a.collective_launch, b.collective_launch);
  a.collective_copy = slower_copy(a.collective_copy, b.collective_copy);
  std::map<Protocol, ProtocolProfile> common;
  for (const auto& [protocol, profile] : a.protocols)
    if (const auto other = b.protocols.find(protocol); other != b.protocols.end())
      common[protocol] = slower(profile, other->second);
  a.protocols = std::move(common);
  if (!a.computing_switch || !b.computing_switch)
    a.computing_switch.reset();
  else
    a.computing_switch =
        SwitchProfile{.bandwidth = std::min(a.computing_switch->bandwidth, b.computing_switch->bandwidth),
                      .start = std::max(a.computing_switch->start, b.computing_switch->start)};
  return a;
}

}  // namespace

Node slowest_of(const std::vector<const Node*>& types) {
  Node out = *types.front();
  for (std::size_t i = 1; i < types.size(); ++i) out = slower(std::move(out), *types[i]);
  return out;
}

}  // namespace rehearse
