// Lanes of a schedule under replay: each serves one op at a time. Private to engine/replay.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "engine/base/units.hpp"

namespace rehearse::replay_detail {

class Lanes {
 public:
  void reset(std::size_t count) { lanes_ = std::vector<State>(count), offered_.clear(); }

  /// An op is ready; its lane falls free. True: the lane is free and has ops that wait, so `serve` is to be called once
  /// all that is ready now is known.
  [[nodiscard]] bool wait(LaneId lane, std::uint32_t op, double now);
  [[nodiscard]] bool free(LaneId lane, double now);
  /// `begin(op, date)` for the op that each such lane takes.
  template <class Begin>
  void serve(Begin begin);

 private:
  // Ops that are ready and wait: earliest ready first, then lowest id.
  using Waiting = std::pair<double, std::uint32_t>;
  struct State {
    bool busy = false;
    double free_since = 0;
    std::priority_queue<Waiting, std::vector<Waiting>, std::greater<>> waiting;
  };
  std::vector<State> lanes_;
  std::vector<LaneId> offered_;
};

inline bool Lanes::wait(LaneId id, std::uint32_t op, double now) {
  State& lane = lanes_[index(id)];
  lane.waiting.push({now, op});
  if (!lane.busy) offered_.push_back(id);
  return !lane.busy;
}

inline bool Lanes::free(LaneId id, double now) {
  State& lane = lanes_[index(id)];
  lane.busy = false;
  lane.free_since = now;
  if (!lane.waiting.empty()) offered_.push_back(id);
  return !lane.waiting.empty();
}

template <class Begin>
void Lanes::serve(Begin begin) {
  for (LaneId id : offered_) {
    State& lane = lanes_[index(id)];
    if (lane.busy || lane.waiting.empty()) continue;
    const auto [ready, op] = lane.waiting.top();
    lane.waiting.pop();
    lane.busy = true;
    begin(op, ready > lane.free_since ? ready : lane.free_since);
  }
  offered_.clear();
}

}  // namespace rehearse::replay_detail
