// Replay: a Schedule on a Network, in SimGrid's event loop and under its max-min fair sharing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/network.hpp"
#include "engine/schedule.hpp"
#include "engine/timeline.hpp"

namespace rehearse {

/// A flow that a source starts.
struct SourceFlow {
  PathId path{};
  Bytes bytes;
  Seconds latency;          ///< from its last byte leaving to its arrival
  std::uint64_t token = 0;  ///< the source's own name for it
};

/// Flows that are made while the replay goes on, for what is too large to be a Schedule: memory grows with the flows
/// under way. What starts now is to be appended to `started`.
class FlowSource {
 public:
  virtual ~FlowSource() = default;
  virtual void begin(std::vector<SourceFlow>& started) = 0;
  /// The last byte of the flow has left.
  virtual void left(std::uint64_t token, std::vector<SourceFlow>& started) = 0;
  /// It has arrived: its latency later.
  virtual void arrived(std::uint64_t token, std::vector<SourceFlow>& started) = 0;
};

class Conditions;

/// What a replay of a source gives back.
struct SourceReplay {
  Seconds makespan;
  std::uint64_t flows = 0;
  std::size_t most_alive = 0;      ///< flows under way at one time
  std::vector<double> link_bytes;  ///< bytes over each link, every hop counted `times` times
};

/// SimGrid's engine is one for a process, and so is this: making a second one in a process, even after the first is
/// gone, is a programming error (std::logic_error). One Replayer replays any number of schedules on its network, one
/// after another.
class Replayer {
 public:
  /// `network` is copied; paths added to the original later are not known here, but see add_path.
  explicit Replayer(Network network);
  ~Replayer();
  Replayer(const Replayer&) = delete;
  Replayer& operator=(const Replayer&) = delete;

  /// Every replay begins at time 0 on an idle network; what was replayed before shows at most in the 15th digit
  /// (SimGrid's clock runs on). Throws std::logic_error where the schedule does not run to its end (a cycle) or names a
  /// path that the network lacks, or a lane or an op of a span that it has not itself. Spans open before they close.
  Timeline replay(const Schedule& schedule);
  /// The same of flows that are made as they are needed. A source may add paths while it goes on. What it throws, or
  /// what conditions throw in either kind of replay, comes out; after that flows are still under way, and every further
  /// replay throws std::logic_error.
  SourceReplay replay(FlowSource& source);

  /// What the replays from now on are subject to; nullptr (as at first): nothing. Not owned. Links are as the network
  /// has them when a replay begins, whatever happened to them in one before.
  ///
  /// A date comes behind what ends at it and before what starts at it; dates behind the end of the replay do not come.
  /// A flow over at least one link asks its way when it is ready, and counts for the load of its way from then until
  /// its last byte has left. It keeps that way while no link of it is down. Where one goes down, it asks again at once
  /// if it is in the network (flows that started first ask first, when all of them are off it), or else when it has
  /// paid its latency and the link is still down.
  ///
  /// A way's extra latency counts as often as the flow pays its path's (Op::rounds), and once where that is never; in
  /// all it is not below zero. A flow that changes its way pays what the new one's is above the most that it had before
  /// (a source's flow at its end, with its latency; a schedule's before it goes on), and never gets any back. Compute
  /// ops without a lane are of no rank, and undisturbed. A way that is not there or over a link that is down, or a link
  /// that the network lacks, throws std::logic_error.
  void set_conditions(Conditions* conditions);

  /// As Network::add_path.
  PathId add_path(std::vector<Hop> hops, Seconds latency);
  [[nodiscard]] const Network& network() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rehearse
