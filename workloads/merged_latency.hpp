// What long messages of rings pay on top of their bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "engine/base/units.hpp"
#include "engine/schedule.hpp"
#include "workloads/collectives/transfer_graph.hpp"

namespace rehearse {

/// The messages of one merged step (Stretch::merged), each of which stands for all that goes over its wire.
///
/// In a ring n chunks go round n wires. A step takes as long as the slowest wire is busy with a chunk or, where latency
/// leaves every wire idle now and then, a chunk's way round divided by n: max(max t, mean(t + latency)). A long message
/// takes the steps' t of its own wire in the replay; what it pays on top, the same on every wire of a ring, makes the
/// ring's slowest take the whole. Where all wires are alike that is the latency of every step.
///
/// That t is with company: wires of several channels share links. Where all wires of a ring are alike it stays in step
/// and they share in every step; else they drift apart and meet now and then, and the steps are replayed one by one
/// (ring_arrivals). Where too many wires differ for that, a wire meets the others as often as they keep the link busy.
/// tests/unit/scenarios_fidelity.cpp holds all of it against the replay of every message.
class MergedLatencies {
 public:
  /// The next message: from position to position, the ring that it goes round in (numbers from 0), the steps that it
  /// stands for, and the latency of each.
  void add(std::uint32_t source, std::uint32_t destination, std::uint32_t ring, std::uint32_t rounds, Seconds latency);
  /// A link that the message added last crosses, and how long it alone keeps that busy.
  void cross(LinkId link, Seconds busy);

  /// By message.
  [[nodiscard]] std::vector<Seconds> latencies() const;

 private:
  struct Message {
    std::uint32_t source = 0, destination = 0, ring = 0, rounds = 1;
    Seconds latency;
    std::size_t first_link = 0;
  };
  struct Duration {
    Seconds alone, shared;  ///< with all links to itself, and shared with all other messages
  };
  struct Ring;
  [[nodiscard]] std::span<const std::pair<LinkId, Seconds>> links_of(std::size_t message) const;
  [[nodiscard]] std::vector<Duration> durations() const;
  /// When the last message on each wire has arrived; nothing if rings are alike or too many wires differ.
  [[nodiscard]] std::optional<std::vector<Seconds>> replayed(const std::vector<Ring>& rings) const;

  std::vector<Message> messages_;
  std::vector<std::pair<LinkId, Seconds>> links_;  ///< by message
};

/// By flow of the graph: the latency from its last byte leaving to its arrival. `step_latency`: of one message over the
/// wire of a flow (given by index); `cross`: adds the links of a merged one.
std::vector<Seconds> flow_latencies(const TransferGraph& graph,
                                    const std::function<Seconds(std::size_t flow)>& step_latency,
                                    const std::function<void(std::size_t flow, MergedLatencies&)>& cross);

}  // namespace rehearse
