// How fast compute ops go: spans that are open on their rank, and conditions, slow them down. Private to engine/replay.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/conditions.hpp"
#include "engine/schedule.hpp"

namespace rehearse::replay_detail {

class Paces {
 public:
  /// A replay begins. Both are kept; `conditions` may be null.
  void reset(const Schedule& schedule, const Conditions* conditions);

  /// Ops with whose end a span with a share opens or closes, once for each; none: spans change nothing.
  [[nodiscard]] const std::vector<OpId>& turning() const { return turning_; }

  /// When an op ends that begins now on a lane, or on none, if nothing turns before.
  [[nodiscard]] double begin(LaneId lane, std::uint32_t op, double now, double amount);
  /// The op of the lane has ended.
  void end(LaneId lane) {
    if (!turning_.empty()) under_way_[index(lane)].op = no_index;
  }
  /// Spans open and close with the end of `op`: calls `move(op, end)` for each op under way that ends another time now.
  template <class Move>
  void turn(std::uint32_t op, double now, Move move);

 private:
  struct Turn {
    OpId op{};
    bool closes = false;
    Rank rank{};
    double share = 0;
  };
  struct UnderWay {
    std::uint32_t op = no_index;
    double since = 0, left = 0;  ///< from then on so much, at the rank's rate and without conditions
  };
  /// Of a rank.
  struct Pace {
    std::vector<LaneId> lanes;
    std::vector<double> shares;  ///< of the spans that are open
    double rate = 1;             ///< each takes its share of what the others leave
  };

  [[nodiscard]] double end_of(Rank rank, double begin, double duration) const;
  [[nodiscard]] double done(Rank rank, double begin, double end) const;
  [[nodiscard]] static double change(Pace& pace, const Turn& turn);
  [[nodiscard]] std::vector<Turn>::const_iterator first_turn(std::uint32_t op) const;

  const Schedule* schedule_ = nullptr;
  const Conditions* conditions_ = nullptr;
  std::vector<OpId> turning_;
  std::vector<Turn> turns_;          // by op, those that open first
  std::vector<UnderWay> under_way_;  // by lane
  std::vector<Pace> paces_;          // by rank
};

template <class Move>
void Paces::turn(std::uint32_t op, double now, Move move) {
  for (auto turn = first_turn(op); turn != turns_.end() && index(turn->op) == op; ++turn) {
    Pace& pace = paces_[index(turn->rank)];
    const double before = change(pace, *turn);
    for (const LaneId lane : pace.lanes) {
      UnderWay& at = under_way_[index(lane)];
      if (at.op == no_index) continue;
      at.left = (at.left - done(turn->rank, at.since, now)) * before / pace.rate;
      if (at.left < 0) at.left = 0;  // a rounding
      at.since = now;
      move(at.op, end_of(turn->rank, now, at.left));
    }
  }
}

}  // namespace rehearse::replay_detail
