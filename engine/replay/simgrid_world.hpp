// The one place that speaks with SimGrid: a clock with timers, and flows over given links that share them max-min
// fairly. Private to engine/replay.
//
// Three techniques keep it fast (measured with SimGrid 3.32: 1.2 microseconds a flow, 0.1 a timer):
//  - flows are created when they become ready, never as a graph of activities;
//  - timers (compute ops, latencies) are a Model of our own in SimGrid's event loop, not s4u::Exec on hosts;
//  - all flows run between the same two hosts, and a zone of our own hands each the links that we chose for it.
// A flow that is cancelled while others run (take_off) tells SimGrid's own completion twice, at once and at the end of
// the step, so its activity forgets first what it stands for, and is kept until then.
// Latency is paid by a timer before the flow enters the network, with the links' own latency at zero: SimGrid weighs
// flows by the inverse of their latency, as TCP does, which InfiniBand and NVLink do not.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "engine/network.hpp"

namespace rehearse::replay_detail {

class SimgridWorld {
 public:
  /// What happens, told by the token that it was started with: a timer went off; a flow's last byte arrived. And, where
  /// `ask_settled` was called, that everything of this date was told: all its timers, or all the flows that ended.
  struct Events {
    std::function<void(std::uint32_t token)> on_timer;
    std::function<void(std::uint32_t token)> on_flow_end;
    std::function<void()> on_settled;
    std::function<void()> on_date;  ///< what start_date asked for
  };
  struct LiveFlow;  ///< a flow under way; gone when it has ended or was taken off
  SimgridWorld(const Network& network, Events events);
  ~SimgridWorld();
  SimgridWorld(const SimgridWorld&) = delete;
  SimgridWorld& operator=(const SimgridWorld&) = delete;

  [[nodiscard]] double now() const;
  void start_timer(double date, std::uint32_t token);
  /// One that was started so and has not gone off.
  void stop_timer(double date, std::uint32_t token);
  void ask_settled();
  LiveFlow* start_flow(PathId path, double bytes, std::uint32_t token);
  /// Bytes that have not left yet.
  [[nodiscard]] static double left(const LiveFlow& flow);
  /// The flow is under way no longer, and its end is not told.
  void take_off(LiveFlow* flow);
  /// Whether flows that start from now on may have part of a byte, and keep up with links that get faster: SimGrid has
  /// whole bytes, and bounds a flow by the bandwidths that it starts with. Costs a little for each.
  void let_links_change(bool change);
  /// From now on; of flows under way, too.
  void set_bandwidth(LinkId link, BytesPerSecond bandwidth);
  /// The next date, in place of the one before. It comes before the timers of the same time and before the flows that
  /// end then are told; it does not come when nothing else is under way. Infinite: none.
  void start_date(double date);
  /// The path behind the last, over links that the network had from the beginning.
  void add_path(std::span<const Hop> hops);
  /// Run until nothing is under way. May be called again.
  void run();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rehearse::replay_detail
