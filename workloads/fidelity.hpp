// How much of a collective is simulated message by message.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace rehearse {

/// `flow`: every chunk of every step is a flow; `fluid`: what goes over a wire again and again is one long flow, with
/// the algorithm's bytes and latencies; `automatic`: flow up to so many messages, fluid beyond.
enum class Fidelity : std::uint8_t { automatic, flow, fluid };
inline constexpr std::array<std::string_view, 3> fidelity_names{"auto", "flow", "fluid"};
inline constexpr std::string_view fidelity_name(Fidelity fidelity) {
  return fidelity_names[static_cast<std::size_t>(fidelity)];
}
inline constexpr std::size_t flow_limit = 4096;        ///< of a collective in training, which has thousands of them
inline constexpr std::size_t lone_flow_limit = 65536;  ///< of a collective by itself

}  // namespace rehearse
