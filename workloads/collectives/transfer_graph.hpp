// A pattern written out: its messages with what each waits for, for schedules.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "workloads/collectives/pattern.hpp"

namespace rehearse {

/// One message. Where source and destination are the same it is a local copy, which takes no time.
struct GraphFlow {
  std::uint32_t source = 0, destination = 0;
  std::uint32_t channel = 0;  ///< the connection that it takes (Pattern::connection)
  std::int64_t elements = 0;
  std::uint32_t turn = 0;  ///< the turn that it belongs to
  /// Of a merged message: the steps that it stands for, which messages go round with it, and which of the merged
  /// stretches it is of. Of any other: 1 and `no_ring`.
  std::uint32_t rounds = 1, ring = no_ring, stretch = 0;
  static constexpr std::uint32_t no_ring = UINT32_MAX;
  [[nodiscard]] bool local() const { return source == destination; }
};

/// What one position sends in one step on one channel: it begins when the turn before has left and the flows that it
/// awaits have arrived.
struct GraphTurn {
  static constexpr std::uint32_t none = UINT32_MAX;
  std::uint32_t before = none;                    ///< the turn before of the same place
  std::uint32_t first_flow = 0, last_flow = 0;    ///< into turn_flows
  std::uint32_t first_await = 0, last_await = 0;  ///< into awaited
};

/// Flows in the order of steps; a turn comes after those that it waits for.
class TransferGraph {
 public:
  TransferGraph() = default;
  /// `fluid`: steady stretches as one long flow on each wire.
  TransferGraph(const Pattern& pattern, bool fluid);

  [[nodiscard]] std::span<const GraphFlow> flows() const { return flows_; }
  [[nodiscard]] std::span<const GraphTurn> turns() const { return turns_; }
  /// The flows of a turn.
  [[nodiscard]] std::span<const std::uint32_t> sends(const GraphTurn& turn) const {
    return std::span(turn_flows_).subspan(turn.first_flow, turn.last_flow - turn.first_flow);
  }
  /// The flows that must have arrived before it.
  [[nodiscard]] std::span<const std::uint32_t> awaits(const GraphTurn& turn) const {
    return std::span(awaited_).subspan(turn.first_await, turn.last_await - turn.first_await);
  }

 private:
  class Builder;
  std::vector<GraphFlow> flows_;
  std::vector<GraphTurn> turns_;
  std::vector<std::uint32_t> turn_flows_, awaited_;
};

/// The ring that each transfer of a merged step goes round in: those whose positions hang together, on each channel.
/// By transfer; numbered from 0.
std::vector<std::uint32_t> rings_of(std::span<const Transfer> step, std::uint32_t positions);

/// How many messages the pattern has over the network, without making them all: a steady stretch counts once if
/// `fluid`. Stops beyond `most`.
std::size_t count_flows(const Pattern& pattern, bool fluid, std::size_t most);

}  // namespace rehearse
