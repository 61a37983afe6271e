// Random schedules on random networks: the engine against physics, and against a replay that is slow and plain.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <random>
#include <set>

#include "tests/support/replayed.hpp"

namespace rehearse {
namespace {

/// Progressive filling, written down as in Bertsekas and Gallager, Data Networks, Section 6.5.2: the link whose fair
/// share is least fixes the rate of its flows, and so on with what is left.
std::vector<double> max_min_rates(const Network& network, const std::vector<PathId>& flows) {
  std::vector<double> left, rates(flows.size(), -1);
  for (const Link& link : network.links()) left.push_back(link.bandwidth.value());
  for (;;) {
    std::vector<double> crossings(left.size(), 0);
    for (std::size_t f = 0; f < flows.size(); ++f)
      if (rates[f] < 0)
        for (const Hop& hop : network.hops(flows[f])) crossings[index(hop.link)] += hop.times;
    double share = std::numeric_limits<double>::infinity();
    std::size_t tightest = left.size();
    for (std::size_t l = 0; l < left.size(); ++l)
      if (crossings[l] > 0 && left[l] / crossings[l] < share) share = left[l] / crossings[l], tightest = l;
    if (tightest == left.size()) return rates;
    for (std::size_t f = 0; f < flows.size(); ++f) {
      const auto hops = network.hops(flows[f]);
      if (rates[f] >= 0 || std::ranges::none_of(hops, [&](const Hop& h) { return index(h.link) == tightest; }))
        continue;
      rates[f] = share;
      for (const Hop& hop : hops) left[index(hop.link)] -= share * hop.times;
    }
  }
}

/// What schedule.hpp says that a replay is, without a thought for speed.
class PlainReplay {
 public:
  PlainReplay(const Network& network, const Schedule& schedule) : n_(network), s_(schedule) {}

  Timeline run() {
    t_.begin.resize(s_.size());
    t_.end.resize(s_.size());
    for (std::uint32_t i = 0; i < s_.size(); ++i) pending_.push_back(s_.predecessor_count(OpId{i}));
    for (std::uint32_t i = 0; i < s_.size(); ++i)
      if (pending_[i] == 0) ready_at_0_.push_back(i);
    for (std::uint32_t i : ready_at_0_) ready(i);
    for (;;) {
      settle();
      if (timers_.empty() && sending_.empty()) return std::move(t_);
      advance();
    }
  }

 private:
  void ready(std::uint32_t i) {
    const Op& op = s_.ops()[i];
    t_.begin[i] = Seconds(now_);
    if (op.type == OpType::join) return end(i);
    if (op.type == OpType::flow)
      timers_.insert({now_ + n_.latency(Schedule::path(op)).value() * op.rounds, i});
    else if (op.where == no_index)
      timers_.insert({now_ + op.amount, i});
    else
      waiting_[op.where].insert({now_, i});
  }

  void end(std::uint32_t i) {
    t_.end[i] = Seconds(now_);
    t_.makespan = std::max(t_.makespan, t_.end[i]);
    for (OpId next : s_.successors(OpId{i}))
      if (--pending_[index(next)] == 0) ready(static_cast<std::uint32_t>(next));
  }

  /// All that happens now: what is due ends, then free lanes take their next op, until nothing more is due.
  void settle() {
    for (bool more = true; more;) {
      while (!timers_.empty() && timers_.begin()->first <= now_) {
        const std::uint32_t i = timers_.begin()->second;
        timers_.erase(timers_.begin());
        const Op& op = s_.ops()[i];
        if (op.type == OpType::flow && op.amount > 0 && !n_.hops(Schedule::path(op)).empty()) {
          sending_[i] = op.amount;
          continue;
        }
        if (op.type == OpType::compute && op.where != no_index) busy_.erase(op.where);
        end(i);
      }
      more = false;
      for (auto& [lane, ops] : waiting_) {
        if (ops.empty() || busy_.contains(lane)) continue;
        const std::uint32_t i = ops.begin()->second;
        ops.erase(ops.begin());
        busy_.insert(lane);
        t_.begin[i] = Seconds(now_);
        timers_.insert({now_ + s_.ops()[i].amount, i});
        more = more || s_.ops()[i].amount == 0;
      }
    }
  }

  /// To the next timer, or the next end of a flow.
  void advance() {
    std::vector<PathId> paths;
    for (const auto& [i, left] : sending_) paths.push_back(Schedule::path(s_.ops()[i]));
    const std::vector<double> rates = max_min_rates(n_, paths);
    double date = timers_.empty() ? std::numeric_limits<double>::infinity() : timers_.begin()->first;
    std::uint32_t ends = no_index;
    std::size_t f = 0;
    for (const auto& [i, left] : sending_) {
      const double sent = now_ + left / rates[f++];
      if (sent < date) date = sent, ends = i;
    }
    f = 0;
    for (auto& [i, left] : sending_) left = std::max(0.0, left - rates[f++] * (date - now_));
    now_ = date;
    if (ends == no_index) return;
    sending_.erase(ends);
    end(ends);
  }

  const Network& n_;
  const Schedule& s_;
  double now_ = 0;
  std::vector<std::uint32_t> pending_, ready_at_0_;
  std::set<std::pair<double, std::uint32_t>> timers_;
  std::map<std::uint32_t, double> sending_;  // flow -> bytes left
  std::map<std::uint32_t, std::set<std::pair<double, std::uint32_t>>> waiting_;
  std::set<std::uint32_t> busy_;
  Timeline t_;
};

struct Dice {
  std::mt19937 engine;
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(engine() % n); }
  double real() { return static_cast<double>(engine()) / 4294967296.0; }
  bool one_in(std::uint32_t n) { return below(n) == 0; }
};

Network random_network(Dice& dice) {
  Network n;
  const std::uint32_t links = 1 + dice.below(8);
  for (std::uint32_t l = 0; l < links; ++l)
    n.add_link({"l", BytesPerSecond(1e9 * (0.1 + dice.real())), Seconds(dice.one_in(3) ? 0 : 1e-3 * dice.real())});
  for (int p = 0; p < 12; ++p) {
    std::vector<Hop> hops;
    for (std::uint32_t l = 0; l < links; ++l)
      if (dice.one_in(3)) hops.push_back({LinkId{l}, dice.one_in(5) ? 1 + dice.below(6) : 1});
    if (dice.one_in(4))
      n.add_path(hops, Seconds(1e-3 * dice.real()));
    else
      n.add_path(hops);
  }
  return n;
}

Schedule random_schedule(Dice& dice) {
  ScheduleBuilder b(4);
  const std::uint32_t lanes = 1 + dice.below(4), ops = 1 + dice.below(80);
  for (std::uint32_t l = 0; l < lanes; ++l) b.add_lane(Rank{l}, "compute");
  for (std::uint32_t i = 0; i < ops; ++i) {
    const std::uint32_t type = dice.below(5);
    if (type == 0)
      b.add_join();
    else if (type < 3)
      b.add_compute({}, Kind::forward, dice.one_in(5) ? no_lane : LaneId{dice.below(lanes)},
                    Seconds(dice.one_in(6) ? 0 : 5e-3 * dice.real()));
    else
      b.add_flow({}, Kind::other, Rank{dice.below(4)}, Rank{dice.below(4)},
                 Bytes(dice.one_in(8) ? 0 : 1 + dice.below(5'000'000)), PathId{dice.below(12)}, {},
                 dice.one_in(4) ? 1 + dice.below(9) : 1);
    for (std::uint32_t e = dice.below(4); e > 0 && i > 0; --e)
      b.add_edge(OpId{i - 1 - dice.below(std::min(i, 15u))}, OpId{i});
  }
  return b.build();
}

struct Case {
  Network network;
  Schedule schedule;
};
Case random_case(unsigned seed) {
  Dice dice{std::mt19937(seed)};
  Network network = random_network(dice);
  return {std::move(network), random_schedule(dice)};
}

void check_physics(const Case& c, const Timeline& t) {
  bool order = true, lasts = true;
  for (std::uint32_t i = 0; i < c.schedule.size(); ++i) {
    const Op& op = c.schedule.op(OpId{i});
    lasts = lasts && t.begin[i] >= Seconds(0) && t.end[i] >= t.begin[i] && t.end[i] <= t.makespan;
    if (op.type == OpType::compute) lasts = lasts && t.end[i] == t.begin[i] + Schedule::duration(op);
    for (OpId next : c.schedule.successors(OpId{i})) order = order && t.begin[index(next)] >= t.end[i];
  }
  CHECK(lasts);
  CHECK(order);
  const Bounds bounds = lower_bounds(c.schedule, c.network);
  const double rounding = 1e-12;
  CHECK(t.makespan >= bounds.critical_path * (1 - rounding));
  CHECK(t.makespan >= bounds.busiest_lane * (1 - rounding));
  CHECK(t.makespan >= bounds.busiest_link * (1 - rounding));
  for (std::size_t l = 0; l < t.link_bytes.size(); ++l)  // no link carried more than it can
    CHECK(t.link_bytes[l] <= c.network.links()[l].bandwidth.value() * t.makespan.value() * (1 + rounding));
}

TEST_CASE("random: 200 schedules on networks of their own obey physics and agree with a plain replay") {
  for (unsigned seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    const Case c = random_case(seed);
    REQUIRE(validate(c.schedule).empty());
    const Timeline t = testing::replay(c.network, c.schedule);
    check_physics(c, t);
    const Timeline plain = PlainReplay(c.network, c.schedule).run();
    double worst = 0;
    for (std::size_t i = 0; i < t.end.size(); ++i)
      worst = std::max(
          {worst, std::abs((t.begin[i] - plain.begin[i]).value()), std::abs((t.end[i] - plain.end[i]).value())});
    CHECK(worst <= 1e-11 * t.makespan.value());
  }
}

TEST_CASE("random: two processes give the same bytes") {
  for (unsigned seed = 1000; seed < 1020; ++seed) {
    const Case c = random_case(seed);
    const auto bytes = [&] {
      return testing::in_child([&] {
        Replayer replayer(c.network);
        std::vector<double> numbers;
        for (int i = 0; i < 3; ++i) testing::append(numbers, replayer.replay(c.schedule));
        return numbers;
      });
    };
    const std::vector<double> one = bytes(), two = bytes();
    REQUIRE(one.size() == two.size());
    CHECK(std::memcmp(one.data(), two.data(), one.size() * sizeof(double)) == 0);
  }
}

}  // namespace
}  // namespace rehearse
