// Rings that share links, step by step and message by message, wires that are alike only once. Private to workloads.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "engine/base/units.hpp"
#include "engine/schedule.hpp"

namespace rehearse {

/// A wire of a ring: each step it carries one chunk.
struct RingWire {
  std::uint32_t before = 0;  ///< the wire, of the same ring, that brings what this one hands on
  Seconds latency;
  std::vector<std::pair<LinkId, Seconds>> links;  ///< that it crosses, and how long a chunk alone keeps each busy
};

/// When the last message of each wire has arrived, if all begin together and each goes on when its last chunk has left
/// and the next has come. Wires of one link share it evenly. Wires are told apart as far as their ways and neighbours
/// differ (to a part in a thousand), so rings over many nodes that are alike cost no more than over one. Nothing where
/// too many differ.
std::optional<std::vector<Seconds>> ring_arrivals(std::span<const RingWire> wires, std::uint32_t steps);

}  // namespace rehearse
