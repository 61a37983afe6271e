#include "engine/replay/paces.hpp"

#include <algorithm>
#include <tuple>

namespace rehearse::replay_detail {

void Paces::reset(const Schedule& schedule, const Conditions* conditions) {
  schedule_ = &schedule;
  conditions_ = conditions;
  turning_.clear();
  turns_.clear();
  for (const Span& span : schedule.spans()) {
    if (span.share == 0) continue;
    const Rank rank = schedule.lanes()[index(span.lane)].rank;
    turns_.push_back({span.opens, false, rank, span.share});
    turns_.push_back({span.closes, true, rank, span.share});
  }
  if (turns_.empty()) return;
  std::ranges::stable_sort(turns_, {}, [](const Turn& t) { return std::tuple(t.op, t.closes); });
  for (const Turn& turn : turns_)
    if (turning_.empty() || turning_.back() != turn.op) turning_.push_back(turn.op);
  under_way_.assign(schedule.lanes().size(), {});
  paces_.assign(schedule.rank_count(), {});
  for (std::uint32_t lane = 0; lane < schedule.lanes().size(); ++lane)
    paces_[index(schedule.lanes()[lane].rank)].lanes.push_back(LaneId{lane});
}

double Paces::begin(LaneId lane, std::uint32_t op, double now, double amount) {
  if (lane == no_lane || (turns_.empty() && conditions_ == nullptr)) return now + amount;
  const Rank rank = schedule_->lanes()[index(lane)].rank;
  if (turns_.empty()) return end_of(rank, now, amount);
  const double left = amount / paces_[index(rank)].rate;
  under_way_[index(lane)] = {op, now, left};
  return end_of(rank, now, left);
}

double Paces::end_of(Rank rank, double begin, double duration) const {
  if (conditions_ == nullptr) return begin + duration;
  return conditions_->end_of_compute(rank, Seconds(begin), Seconds(duration)).value();
}

double Paces::done(Rank rank, double begin, double end) const {
  if (conditions_ == nullptr) return end - begin;
  return conditions_->computed(rank, Seconds(begin), Seconds(end)).value();
}

/// The rate before.
double Paces::change(Pace& pace, const Turn& turn) {
  if (turn.closes)
    pace.shares.erase(std::ranges::find(pace.shares, turn.share));
  else
    pace.shares.push_back(turn.share);
  const double before = pace.rate;
  pace.rate = 1;
  for (const double share : pace.shares) pace.rate *= 1 - share;
  return before;
}

std::vector<Paces::Turn>::const_iterator Paces::first_turn(std::uint32_t op) const {
  return std::ranges::lower_bound(turns_, OpId{op}, {}, &Turn::op);
}

}  // namespace rehearse::replay_detail
