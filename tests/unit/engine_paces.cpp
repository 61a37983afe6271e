// Replays: compute ops beside spans that take a share of their rank. Closed forms by hand, random schedules by the
// rule.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "tests/support/given_conditions.hpp"
#include "tests/support/work_done.hpp"

namespace rehearse {
namespace {

using namespace testing;

/// A GPU with a lane for kernels and one for communication, whose collectives take the time that they are given.
struct Gpu {
  ScheduleBuilder b{2};
  LaneId kernels = b.add_lane(Rank{0}, "compute"), communication = b.add_lane(Rank{0}, "communication");

  OpId kernel(double seconds, LaneId lane) { return b.add_compute({}, Kind::forward, lane, Seconds(seconds)); }
  OpId kernel(double seconds) { return kernel(seconds, kernels); }
  /// From `start` on, for so long.
  void collective(double start, double seconds, double share) {
    const OpId opens = kernel(start, no_lane), closes = kernel(seconds, no_lane);
    b.add_edge(opens, closes);
    b.add_span({.lane = communication, .opens = opens, .closes = closes, .share = share});
  }
};

/// Of the first op.
double end_of_first(Gpu& gpu) { return replay(wires.n, gpu.b.build()).end[0].value(); }

TEST_CASE(
    "paces: a kernel takes share x C longer beside a hidden collective, and goes at 1 - share beside a longer one") {
  for (const double share : {0.0, 0.125, 16.0 / 108, 0.9})
    for (const double start : {0.0, 0.25})
      for (const double length : {0.5, 1.0, 3.0, 20.0}) {
        Gpu gpu;
        gpu.kernel(2);
        gpu.collective(start, length, share);
        const double beside = std::min(length, (2 - start) / (1 - share));
        CHECK(end_of_first(gpu) == is(2 + share * beside));
      }
}

TEST_CASE("paces: kernels one after another, and a collective over the end of the first and the start of the second") {
  Gpu gpu;
  const OpId first = gpu.kernel(2), second = gpu.kernel(2);
  gpu.b.add_edge(first, second);
  gpu.collective(1, 4, 0.5);  // 1 and 1 x 2; 1 x 2 and 1
  const Timeline t = replay(wires.n, gpu.b.build());
  CHECK(t.end[0].value() == is(3));
  CHECK(t.begin[1] == t.end[0]);
  CHECK(t.end[1].value() == is(6));
}

TEST_CASE("paces: each of several takes its share of what the others leave") {
  Gpu gpu;
  gpu.kernel(2);
  gpu.collective(0, 2, 0.5);   // 1 of 2 from 0 to 2, were it alone
  gpu.collective(1, 3, 0.25);  // 0.5 to 1, 0.375 to 2, 0.75 for the last 1.125
  CHECK(end_of_first(gpu) == is(2 + 1.125 / 0.75));
}

TEST_CASE("paces: of a rank all lanes slow down; those of another, and ops without a lane, do not") {
  Gpu gpu;
  const LaneId second = gpu.b.add_lane(Rank{0}, "second"), other = gpu.b.add_lane(Rank{1}, "compute");
  for (const LaneId lane : {gpu.kernels, second, other, no_lane}) gpu.kernel(2, lane);
  gpu.collective(0, 1, 0.5);
  const Timeline t = replay(wires.n, gpu.b.build());
  for (const std::size_t slow : {0U, 1U}) CHECK(t.end[slow].value() == is(2.5));
  for (const std::size_t undisturbed : {2U, 3U}) CHECK(t.end[undisturbed].value() == is(2));
}

TEST_CASE("paces: a span may end with a flow, with its own beginning, or with the replay") {
  Gpu flow;
  flow.kernel(2 * ms);
  const OpId opens = flow.b.add_join();
  const OpId closes = flow.b.add_flow({}, Kind::other, Rank{0}, Rank{1}, Bytes(mb), wires.path);
  flow.b.add_edge(opens, closes);
  flow.b.add_span({.lane = flow.communication, .opens = opens, .closes = closes, .share = 0.5});
  CHECK(end_of_first(flow) == is(2.5 * ms));

  Gpu point;
  point.kernel(2);
  const OpId join = point.b.add_join();
  point.b.add_span({.lane = point.communication, .opens = join, .closes = join, .share = 0.5});
  CHECK(end_of_first(point) == is(2));

  Gpu last;
  const OpId kernel = last.kernel(2), start = last.kernel(1, no_lane), both = last.b.add_join();
  for (const OpId before : {kernel, start}) last.b.add_edge(before, both);
  last.b.add_span({.lane = last.communication, .opens = start, .closes = both, .share = 0.75});
  CHECK(end_of_first(last) == is(1 + 1 / 0.25));
}

TEST_CASE("paces: a date does not come for the end that a kernel had before, and replays repeat") {
  Gpu gpu;
  gpu.kernel(4 * ms);
  gpu.collective(0, 2 * ms, 0.5);  // 8 ms until the span closes; 5 ms
  Given after({{6 * ms, wires.fast, 0.5e9}});
  check_all(ends(gpu.b.build(), after), {5 * ms, 0, 2 * ms, 0, 0, 0, 0, 0});

  Gpu again;
  again.kernel(4 * ms);
  again.collective(1 * ms, 2 * ms, 0.5);
  const Schedule schedule = again.b.build();
  for (const Timeline& t : replay_all(wires.n, {&schedule, &schedule, &schedule}))
    CHECK(t.end[0].value() == is(5 * ms));
}

/// Rank 0 computes at half its speed from 1 s on.
class Half : public Given {
 public:
  Seconds end_of_compute(Rank /*rank*/, Seconds begin, Seconds duration) const override {
    const Seconds whole = std::clamp(Seconds(1) - begin, Seconds(), duration);
    return begin + whole + (duration - whole) * 2;
  }
  Seconds computed(Rank /*rank*/, Seconds begin, Seconds end) const override {
    const Seconds whole = std::clamp(Seconds(1) - begin, Seconds(), end - begin);
    return whole + (end - begin - whole) / 2;
  }
};

TEST_CASE("paces: a GPU that is slow as well") {
  Gpu gpu;
  gpu.kernel(2);
  gpu.collective(0.5, 1, 0.5);  // 0.5 to 0.5, 0.25 to 1, 0.125 to 1.5, and 1.125 at half the speed
  Half half;
  CHECK(ends(gpu.b.build(), half)[0] == is(1.5 + 2.25));
}

/// Chains of kernels on the lanes of two ranks, and flows and computes under spans.
Schedule random_schedule(unsigned seed) {
  std::mt19937 random(seed);
  const auto real = [&random](double most) { return most * static_cast<double>(random() % 1000) / 1000; };
  ScheduleBuilder b(2);
  std::vector<LaneId> lanes;
  for (const Rank rank : {Rank{0}, Rank{1}, Rank{1}}) lanes.push_back(b.add_lane(rank, "lane"));
  std::vector<OpId> ops{b.add_join()};
  const auto behind_some = [&](OpId op) {
    for (std::size_t i = random() % 3; i > 0; --i) b.add_edge(ops[random() % ops.size()], op);
    return op;
  };
  for (int i = 0; i < 30; ++i) {
    if (random() % 2 == 0) {
      ops.push_back(behind_some(b.add_compute({}, Kind::forward, lanes[random() % 3], Seconds(real(4 * ms)))));
      continue;
    }
    const OpId opens = behind_some(b.add_join());
    const OpId closes = random() % 2 == 0
                            ? b.add_compute({}, Kind::other, no_lane, Seconds(real(4 * ms)))
                            : b.add_flow({}, Kind::other, Rank{0}, Rank{1},
                                         Bytes(static_cast<std::int64_t>(random() % 1000000)), wires.path);
    b.add_edge(opens, closes);
    for (std::size_t lane = random() % 2; lane < 2; ++lane)
      b.add_span({.lane = lanes[lane], .opens = opens, .closes = closes, .share = real(0.9)});
    ops.push_back(closes);
  }
  return b.build();
}

TEST_CASE("paces: kernels of 200 random schedules take what the spans beside them make of them") {
  std::vector<Schedule> schedules;
  for (unsigned seed = 0; seed < 200; ++seed) schedules.push_back(random_schedule(seed));
  std::vector<const Schedule*> all;
  for (const Schedule& schedule : schedules) all.push_back(&schedule);
  const std::vector<Timeline> timelines = replay_all(wires.n, all);
  double slowed = 0, kernels = 0;
  for (std::size_t i = 0; i < schedules.size(); ++i) {
    CAPTURE(i);
    CHECK(validate(schedules[i]).empty());
    CHECK(op_off_pace(schedules[i], timelines[i]) == "");
    for (std::uint32_t op = 0; op < schedules[i].size(); ++op) {
      const double longer = (timelines[i].end[op] - timelines[i].begin[op]).value() - schedules[i].ops()[op].amount;
      const bool kernel = schedules[i].ops()[op].type == OpType::compute && schedules[i].ops()[op].where != no_index;
      kernels += kernel ? 1 : 0;
      slowed += kernel && longer > 0.01 * ms ? 1 : 0;
    }
  }
  CHECK(slowed > kernels / 4);
}

}  // namespace
}  // namespace rehearse
