// The same traffic packet by packet, in ns-3.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "tests/ns3/traffic.hpp"

namespace rehearse::testing {

/// How ports queue packets, and what holds senders back. Nothing is ever lost.
enum class Discipline : std::uint8_t {
  fair,    ///< a queue for each message, served in turn; each message has a window
  fifo,    ///< one queue in switches; each message has a window
  credits  ///< a queue for each input, served in turn; each link has credits for the buffer at its end
};
inline constexpr Discipline disciplines[] = {Discipline::fair, Discipline::fifo, Discipline::credits};
std::string_view discipline_name(Discipline discipline);

/// When the last packet of each message has arrived, in seconds. `window`: of a message, in products of bandwidth and
/// delay of its path.
std::vector<double> packet_arrivals(const Traffic& traffic, Discipline discipline, double window);

}  // namespace rehearse::testing
