// What Rehearse and ns-3 say of the same traffic, and how far they may be apart.
#pragma once

#include <string_view>
#include <vector>

#include "tests/ns3/packets.hpp"

namespace rehearse::testing {

/// Times by Rehearse over times by ns-3, less one.
struct Difference {
  double last = 0;   ///< of the arrival of the last message
  double mean = 0;   ///< of the messages, each from its start to its arrival: the mean of the absolute values
  double worst = 0;  ///< of the message that is furthest off
};
Difference difference(const Traffic& traffic, const std::vector<double>& flows, const std::vector<double>& packets);

struct Range {
  double least, most;
  [[nodiscard]] bool has(double x) const { return least <= x && x <= most; }
};

struct Limits {
  Range last, mean, worst;
};

/// 5 %, but where a packet network is not max-min fair by its nature, or a window of packets is much of a message.
/// There it is what was measured, a few per cent to both sides; docs/contention.md says why.
Limits limits(std::string_view name, Discipline discipline);

}  // namespace rehearse::testing
