// What compute ops have done by when, where spans on their rank slow them down: the rule, without a simulation.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/schedule.hpp"
#include "engine/timeline.hpp"

namespace rehearse::testing {

/// Factors of a rank's rate, by the date at which a span opens or closes.
using Turns = std::map<double, std::vector<double>>;

/// Of one rank: how much an op would have done that went on from time 0 to a date.
class WorkDone {
 public:
  explicit WorkDone(const Turns& turns) {
    for (const auto& [date, factors] : turns) {
      const double done = at(date);
      double rate = points_.back().rate;
      for (const double factor : factors) rate *= factor;
      points_.push_back({date, done, rate});
    }
  }

  [[nodiscard]] double at(double date) const {
    const Point& from = *(std::ranges::upper_bound(points_, date, {}, &Point::date) - 1);
    return from.done + (date - from.date) * from.rate;
  }

 private:
  struct Point {
    double date, done, rate;
  };
  std::vector<Point> points_{{-1, -1, 1}};
};

/// The first compute op on a lane whose time is not what its rank's spans make of it; empty: none.
inline std::string op_off_pace(const Schedule& schedule, const Timeline& timeline) {
  std::vector<Turns> turns(schedule.rank_count());
  for (const Span& span : schedule.spans()) {
    if (span.share == 0) continue;
    Turns& of_rank = turns[index(schedule.lanes()[index(span.lane)].rank)];
    of_rank[timeline.end[index(span.opens)].value()].push_back(1 - span.share);
    of_rank[timeline.end[index(span.closes)].value()].push_back(1 / (1 - span.share));
  }
  const std::vector<WorkDone> of_rank(turns.begin(), turns.end());
  for (std::uint32_t i = 0; i < schedule.size(); ++i) {
    const Op& op = schedule.ops()[i];
    if (op.type != OpType::compute || Schedule::lane(op) == no_lane) continue;
    const WorkDone& work = of_rank[index(schedule.lanes()[op.where].rank)];
    const double done = work.at(timeline.end[i].value()) - work.at(timeline.begin[i].value());
    if (!(std::abs(done - op.amount) <= 1e-9 * timeline.makespan.value())) return "op " + std::to_string(i);
  }
  return {};
}

}  // namespace rehearse::testing
