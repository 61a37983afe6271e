// How a communication library carries a message, and what that costs.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/base/units.hpp"

namespace rehearse {

/// How a message is carried (NCCL's): `ll` puts a flag beside every word, `ll128` one into every 128 bytes, `simple`
/// sends plain data and synchronises for every piece: the later, the dearer to begin and the cheaper for each byte.
/// `none`: the network alone, nothing of a library: a message costs the latency of its links and no more.
enum class Protocol : std::uint8_t { none, ll, ll128, simple };
inline constexpr std::array<Protocol, 4> all_protocols{Protocol::none, Protocol::ll, Protocol::ll128, Protocol::simple};
std::string_view protocol_name(Protocol protocol);

/// Bytes on the wire for a byte of payload: ll 2 (4 bytes of data, 4 of flag), ll128 16/15 (120 of data, 8 of flag).
double wire_overhead(Protocol protocol);

/// What a protocol costs between the GPUs of one node, or between nodes.
struct ProtocolCost {
  Seconds latency;          ///< of one message, its links included (but for those between switches of a fabric)
  double efficiency = 1.0;  ///< what its bytes on the wire reach of the links' bandwidth
};

/// A protocol as a node type has it.
struct ProtocolProfile {
  Seconds start;                        ///< of a collective, before its first message
  Bytes chunk;                          ///< of the vector, that pipelined algorithms hand on at once; all channels
  ProtocolCost inside;                  ///< within a node
  std::optional<ProtocolCost> between;  ///< between nodes; none: not used there
};

/// Reductions and copies by the switch of a node (NVLink SHARP).
struct SwitchProfile {
  BytesPerSecond bandwidth;  ///< that they reach of a GPU's link, one direction
  Seconds start;             ///< of a collective
};

}  // namespace rehearse
