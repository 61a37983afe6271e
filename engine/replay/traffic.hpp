// Flows under way: on the paths that they ask for, or, under Conditions, on the ways that they are given. Private to
// engine/replay.
#pragma once

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#include "engine/conditions.hpp"
#include "engine/network.hpp"
#include "engine/replay/simgrid_world.hpp"

namespace rehearse::replay_detail {

/// Flows are told apart by their tokens, the world's. Under conditions a flow is under way, and counts for the load of
/// its way, from `start` to its last byte: while it pays its latency, too, so that flows that start together see one
/// another.
class Traffic {
 public:
  struct Events {
    /// A flow has to take another way, whose latency is so much longer (above 0). True: it pays that now, and `enter`
    /// is called again; false: it goes on at once.
    std::function<bool(std::uint32_t token, double more)> on_longer;
    std::function<void(std::uint32_t token)> on_flow_end;
  };
  Traffic(const Network& network, SimgridWorld& world, Events events);

  /// A replay begins now: links as the network has them, nothing under way. nullptr: no conditions.
  void begin(Conditions* conditions);
  /// Of the replay under way, or the last.
  [[nodiscard]] const Conditions* conditions() const { return conditions_; }

  /// What a flow starts with: it pays the latency of its path `times` times, or another time for what follows it.
  struct Start {
    std::uint32_t token = 0;
    PathId path{};
    double bytes = 0;
    double latency = 0;       ///< in all
    std::uint32_t times = 1;  ///< the extra latency of its way is paid as often, and at least once
  };
  /// The latency that it has on its way, in all.
  double start(const Start& flow) { return conditions_ == nullptr ? flow.latency : start_on_way(flow); }
  /// The flow comes to the network. False: it has nothing to carry there, and has left. Else on_flow_end tells when.
  bool enter(std::uint32_t token, PathId path, double bytes);
  /// To be called first when the world says that the flow has ended.
  void left(std::uint32_t token) {
    if (conditions_ != nullptr) forget(token);
  }
  /// To be called at the world's date.
  void change_links();
  /// Of bytes by the paths that were asked for (index = PathId): by those that were taken.
  [[nodiscard]] std::vector<double> as_taken(std::vector<double> bytes) const;

 private:
  struct Flow {
    Start start;
    PathId way{};
    double latency = 0;  // the longest that it had so far
    double left = 0;     // bytes, when it last entered
    std::uint64_t order = 0;
    SimgridWorld::LiveFlow* live = nullptr;  // in the network
  };

  void start_next_date();
  void check_link(LinkId link) const;
  double start_on_way(const Start& start);
  double ask(Flow& flow);
  bool go_another_way(Flow& flow);
  bool carry(Flow& flow);
  void forget(std::uint32_t token);
  [[nodiscard]] std::vector<Flow*> cut_flows();
  [[nodiscard]] bool is_cut(PathId way) const;
  [[nodiscard]] bool as_good_as_left(const Flow& flow) const;
  void add_load(const Flow& flow);
  void take_load(const Flow& flow);
  void move_bytes(PathId from, PathId to, double bytes);

  const Network& network_;
  SimgridWorld& world_;
  Events events_;
  Conditions* conditions_ = nullptr;
  Conditions::Load load_of_;
  double epoch_ = 0;
  std::size_t date_ = 0;
  std::uint64_t started_ = 0;
  std::unordered_map<std::uint32_t, Flow> flows_;  // by token; none without conditions, and none over nothing
  std::vector<std::uint32_t> load_;                // by link; empty without conditions, as the next
  std::vector<bool> down_;
  std::vector<LinkId> changed_;  // in SimGrid
  std::vector<double> moved_;    // bytes by path: on it, though asked for on another, less those the other way round
};

}  // namespace rehearse::replay_detail
