// What both simulators are given: messages between the endpoints of a topology.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "topologies/topology.hpp"

namespace rehearse::testing {

// InfiniBand's packet (InfiniBand Architecture Specification, volume 1): 4,096 bytes of payload, the largest MTU,
// behind the local route header (8 bytes) and the base transport header (12), and before the two checksums (4 and 2).
// An acknowledgement has no payload and a header of its own (4).
inline constexpr std::uint32_t payload_bytes = 4096;
inline constexpr std::uint32_t header_bytes = 8 + 12 + 4 + 2;
inline constexpr std::uint32_t packet_bytes = payload_bytes + header_bytes;
inline constexpr std::uint32_t acknowledgement_bytes = header_bytes + 4;

struct Message {
  std::uint32_t source = 0, destination = 0;  ///< endpoint numbers
  Bytes bytes;
  Seconds start;                       ///< from the end of what it comes after, or from the beginning
  std::vector<std::uint32_t> after{};  ///< starts when these have arrived; of lower numbers
};

/// Bandwidths are those of the wires, headers included. A message takes `topology.route` with flow 0.
struct Traffic {
  Topology topology;
  std::vector<Message> messages;
};

/// Traffic whose messages have `bytes` each, or are made from that.
struct TrafficCase {
  std::string name;
  Traffic (*make)(Bytes bytes);
  std::vector<std::int64_t> mebibytes;
};
const std::vector<TrafficCase>& traffic_cases();

/// When each message has arrived, by Rehearse: the links have the bandwidth that payload can reach.
std::vector<double> flow_arrivals(const Traffic& traffic);

}  // namespace rehearse::testing
