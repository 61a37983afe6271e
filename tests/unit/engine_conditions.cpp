// Replays under conditions: links that change, GPUs that slow down. Closed forms, by hand.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "tests/support/given_conditions.hpp"

namespace rehearse {
namespace {

using namespace testing;

TEST_CASE("conditions: a flow alone goes on at what its link has from a date on") {
  Given once({{1 * ms, wires.fast, 0.5e9}});
  check_all(replayed({{wires.path, 4 * mb}}, once), {7 * ms, 4e6, 0, 0});  // 1 + 3 / 0.5
  Given thrice({{1 * ms, wires.fast, 0.5e9}, {3 * ms, wires.fast, 0.25e9}, {5 * ms, wires.fast, 2e9}});
  check_all(replayed({{wires.path, 4 * mb}}, thrice), {5.75 * ms, 4e6, 0, 0});  // 1 + 1 + 0.5, and 1.5 at 2
  Given other({{1 * ms, wires.half, 0}});
  check_all(replayed({{wires.path, 4 * mb}}, other), {4 * ms, 4e6, 0, 0});
}

TEST_CASE("conditions: flows keep up with a link that gets faster than it was when they started") {
  Given faster({{1 * ms, wires.slow, 1e9}});
  // 0.25 MB have left, in all; 0.875 MB each at 0.5, then 1 MB alone.
  check_all(replayed({{wires.third, mb}, {wires.third, 2 * mb}}, faster), {2.75 * ms, 3.75 * ms, 0, 0, 3e6});
}

TEST_CASE("conditions: a flow alone over a link that changes often takes the time that its bandwidths add up to") {
  std::mt19937 random(23);
  for (int round = 0; round < 4; ++round) {
    std::vector<Given::Change> changes;
    double left = 50e6, date = 0, bandwidth = 1e9;
    for (int i = 0; i < 40; ++i) {
      const double next = date + ms * static_cast<double>(1 + random() % 1000) / 701;
      left -= (next - date) * bandwidth;
      date = next;
      bandwidth = 1e7 * static_cast<double>(1 + random() % 200);
      changes.push_back({date, wires.fast, bandwidth});
    }
    REQUIRE(left > 0);
    Given given(changes);
    check_all(replayed({{wires.path, 50 * mb}}, given), {date + left / bandwidth, 50e6, 0, 0});
  }
}

TEST_CASE("conditions: a flow whose link goes down takes what it has left another way") {
  Given once({{1 * ms, wires.fast, 0}});
  check_all(replayed({{wires.path, 4 * mb}}, once), {7 * ms, 1e6, 3e6, 0});
  // The second way goes down, too: 1 MB of 0.5, 2 MB of 0.25; that the first is there again brings nobody back.
  Given twice({{1 * ms, wires.fast, 0}, {2 * ms, wires.fast, 1e9}, {3 * ms, wires.half, 0}});
  twice.ways = {{wires.second, Seconds()}};
  check_all(replayed({{wires.path, 4 * mb}}, twice), {5 * ms, 1e6 + 2e6, 1e6, 0});  // asked for anew: the first path
  Given thrice({{1 * ms, wires.fast, 0}, {3 * ms, wires.half, 0}});
  check_all(replayed({{wires.path, 4 * mb}}, thrice), {11 * ms, 1e6, 1e6, 2e6});
  // Thirds of bytes have left when the date comes.
  Given third({{ms / 3, wires.fast, 0}});
  check_all(replayed({{wires.path, mb}}, third), {ms / 3 + 2 * ms * 2 / 3, 1e6 / 3, 2e6 / 3, 0});
}

TEST_CASE("conditions: flows that share a link slow down together, and move together") {
  const GivenFlows two{{wires.path, 4 * mb}, {wires.path, 2 * mb}};
  Given slow({{2 * ms, wires.fast, 0.5e9}});  // 3 and 1 MB left, at 0.25 each; then 2 MB alone
  check_all(replayed(two, slow), {10 * ms, 6 * ms, 6e6, 0, 0});
  Given down({{2 * ms, wires.fast, 0}});
  check_all(replayed(two, down), {10 * ms, 6 * ms, 2e6, 4e6, 0});
  // Onto a third flow: 3.5 and 0.5 MB on two thirds of 0.25, with 3 MB of which 1 has left.
  Given onto({{1 * ms, wires.fast, 0}});
  const GivenFlows three{{wires.path, 4 * mb}, {wires.path, mb}, {wires.second, 3 * mb}};
  // 0.5 MB at 1/6: 3 ms, to 4 ms; 3 and 2 MB left at 0.25: 8 ms, to 12 ms; then 1 MB at 0.5.
  check_all(replayed(three, onto), {14 * ms, 4 * ms, 12 * ms, 1e6, 3.5e6 + 0.5e6 + 3e6, 0});
}

TEST_CASE("conditions: a flow that starts after a date, or at it, finds the links as they are then") {
  for (const double start : {3 * ms, 1 * ms}) {
    CAPTURE(start);
    const GivenFlows flows{{wires.nothing, 1, start}, {wires.path, 4 * mb, 0, {}, {0}}};
    Given slow({{1 * ms, wires.fast, 0.5e9}});
    check_all(replayed(flows, slow), {0, start + 8 * ms, 4e6, 0, 0});
    Given down({{1 * ms, wires.fast, 0}});
    check_all(replayed(flows, down), {0, start + 8 * ms, 0, 4e6, 0});
    Given back({{0.5 * ms, wires.fast, 0}, {1 * ms, wires.fast, 4e9}});
    check_all(replayed(flows, back), {0, start + 1 * ms, 4e6, 0, 0});
  }
}

TEST_CASE("conditions: a flow that ends exactly at a date has ended, however late the clock") {
  Given down({{1 * ms, wires.fast, 0}});
  down.ways.clear();  // nobody may ask
  check_all(replayed({{wires.path, mb}}, down), {1 * ms, 1e6, 0, 0});
  for (const double start : {0.1, 1e3, 1e5, 1e6})
    for (const double part : {1.0, 3.0, 7.0, 11.0, 13.0}) {
      CAPTURE(start);
      CAPTURE(part);
      const auto bytes = static_cast<std::int64_t>(1e9 / part);
      Given late({{start + static_cast<double>(bytes) / 1e9, wires.fast, 0}});
      late.ways.clear();
      const GivenFlows flows{{wires.nothing, 1, start}, {wires.path, bytes, 0, {}, {0}}};
      check_all(replayed(flows, late), {0, start + static_cast<double>(bytes) / 1e9, static_cast<double>(bytes), 0, 0});
    }
  Given before({{1 * ms, wires.fast, 0}});
  before.ways.clear();
  CHECK_THROWS_WITH(replayed({{wires.path, mb + 1}}, before), "the child threw: no way");
}

/// The GPU of rank 1 runs at half its speed from 10 ms on until 14 ms.
class Slow : public Given {
 public:
  Seconds end_of_compute(Rank rank, Seconds begin, Seconds duration) const override {
    if (rank != Rank{1}) return begin + duration;
    Seconds now = begin, work = duration;
    const Seconds from(10 * ms), until(14 * ms);
    const Seconds before = std::min(work, std::max(from - now, Seconds()));
    now += before, work -= before;
    const Seconds during = std::min(work, std::max(until - now, Seconds()) / 2);
    return now + during * 2 + (work - during);
  }
};

TEST_CASE("conditions: compute ops of a slow GPU take longer from a date on; without a lane they do not") {
  ScheduleBuilder b(2);
  const LaneId lane = b.add_lane(Rank{1}, "a"), other = b.add_lane(Rank{0}, "b");
  for (const LaneId l : {lane, lane, lane, lane, lane, other, no_lane})
    b.add_compute({}, Kind::forward, l, Seconds(l == lane ? 4 * ms : 16 * ms));
  Slow slow;
  // 4, 8, then 2 and 4 for 2 at half the speed, to 14; from there on as ever. The lane serves them one by one.
  check_all(ends(b.build(), slow), {4 * ms, 8 * ms, 14 * ms, 18 * ms, 22 * ms, 16 * ms, 16 * ms, 0, 0, 0, 0, 0});
}

TEST_CASE("conditions: the next replay starts with the network's own links, and with its own conditions or none") {
  Given slow({{1 * ms, wires.fast, 0.5e9}}), down({{1 * ms, wires.fast, 0}});
  const Times makespans = in_child([&] {
    Replayer replayer(wires.n);
    const Schedule schedule = flow_alone(wires.path, 4 * mb);
    Times out;
    for (Conditions* conditions :
         {static_cast<Conditions*>(nullptr), static_cast<Conditions*>(&slow), static_cast<Conditions*>(nullptr),
          static_cast<Conditions*>(&down), static_cast<Conditions*>(&slow), static_cast<Conditions*>(nullptr)}) {
      replayer.set_conditions(conditions);
      const Timeline t = replayer.replay(schedule);
      out.push_back(t.makespan.value());
      out.push_back(t.link_bytes[0]);
    }
    return out;
  });
  check_all(makespans, {4 * ms, 4e6, 7 * ms, 4e6, 4 * ms, 4e6, 7 * ms, 1e6, 7 * ms, 4e6, 4 * ms, 4e6});
}

/// A path of its own for each flow that asks, over the half link and the slow one.
class Adder : public Given {
 public:
  using Given::Given;
  Replayer* replayer = nullptr;
  Way way(PathId /*path*/, const Load& /*load*/) override {
    return {replayer->add_path({{wires.half, 2}, {wires.slow}}, Seconds(0)), Seconds()};
  }
};

TEST_CASE("conditions: a way may be added when it is asked for; every hop counts as often as it is crossed") {
  Adder adder;
  const Times numbers = in_child([&] {
    Replayer replayer(wires.n);
    adder.replayer = &replayer;
    replayer.set_conditions(&adder);
    Times out;
    append(out, replayer.replay(flow_alone(wires.path, mb)));
    const GivenFlows flows{{wires.path, mb}, {wires.path, mb}};
    GivenSource source(flows);
    append(out, replayer.replay(source));
    return out;
  });
  check_all(numbers, {0, 4 * ms, 0, 2e6, 1e6, 4 * ms, 8 * ms, 2, 2, 0, 4e6, 2e6});
}

/// Flows over the three links, with and without latency, each behind some that were before it.
GivenFlows random_flows(std::mt19937& random, std::size_t count) {
  GivenFlows flows(count);
  for (std::size_t i = 0; i < count; ++i) {
    flows[i] = {PathId{static_cast<std::uint32_t>(random() % 3)}, static_cast<std::int64_t>(random() % 5'000'000),
                static_cast<double>(random() % 3) * 1.0007 * ms};
    if (i > 2 && random() % 2 == 0) flows[i].left = {random() % i};
  }
  return flows;
}

TEST_CASE("conditions: that change nothing change nothing") {
  std::mt19937 random(3);
  for (int round = 0; round < 5; ++round) {
    const Schedule schedule = schedule_of(random_flows(random, 60));
    Times with, without;
    append(without, replay(wires.n, schedule));
    Given given({{2 * ms, wires.fast, 1e9}, {5 * ms, wires.fast, 1e9}});
    with = in_child([&] {
      Replayer replayer(wires.n);
      replayer.set_conditions(&given);
      Times out;
      append(out, replayer.replay(schedule));
      return out;
    });
    check_all(with, without);
  }
}

TEST_CASE("conditions: the same each time, and every byte goes over a link") {
  std::mt19937 random(11);
  for (int round = 0; round < 5; ++round) {
    CAPTURE(round);
    const GivenFlows flows = random_flows(random, 60);
    std::vector<Given::Change> changes;
    for (int i = 1; i <= 20; ++i) {
      const LinkId link{static_cast<std::uint32_t>(random() % 2)};  // the slow one stays
      changes.push_back({i * 7.3 * ms, link, random() % 2 == 0 ? 0.0 : 1e8 * static_cast<double>(1 + random() % 9)});
    }
    Given given(changes);
    const Times once = replayed(flows, given);
    CHECK(once == replayed(flows, given));
    double asked = 0, carried = 0;
    for (const GivenFlow& f : flows) asked += static_cast<double>(f.bytes);
    for (std::size_t l = 0; l < 3; ++l) carried += once[flows.size() + l];
    CHECK(carried == relative(asked, 1e-14));
    CHECK(once[flows.size() + 2] > 0.1 * asked);  // most had to go there
  }
}

}  // namespace
}  // namespace rehearse
