// Replays: lanes, joins, flows and what is at the edge of each. Every replay runs in a child process.
#include <doctest/doctest.h>

#include <cmath>
#include <csignal>
#include <memory>
#include <stdexcept>

#include "tests/support/relative.hpp"
#include "tests/support/replayed.hpp"

namespace rehearse {
namespace {

using testing::in_child;
using testing::replay;
using testing::replay_all;

// One link of 1 GB/s and 1 ms; a path over it, one over nothing, one over nothing that waits 2 ms, and one over a link
// without latency.
struct Wires {
  Network n;
  LinkId link = n.add_link({"link", BytesPerSecond(1e9), Seconds(1e-3)});
  LinkId quick = n.add_link({"quick", BytesPerSecond(1e9), Seconds(0)});
  PathId path = n.add_path({{link}}), nothing = n.add_path({}), waiting = n.add_path({}, Seconds(2e-3)),
         no_latency = n.add_path({{quick}});
};

struct Builder : ScheduleBuilder {
  Builder() : ScheduleBuilder(4) {}
  OpId compute(LaneId lane, double seconds, std::initializer_list<OpId> after = {}) {
    return behind(add_compute({}, Kind::forward, lane, Seconds(seconds)), after);
  }
  OpId flow(PathId path, std::int64_t bytes, std::initializer_list<OpId> after = {}, std::uint32_t rounds = 1) {
    return behind(add_flow({}, Kind::other, Rank{0}, Rank{1}, Bytes(bytes), path, {}, rounds), after);
  }
  OpId join(std::initializer_list<OpId> after) { return behind(add_join(), after); }
  OpId behind(OpId op, std::initializer_list<OpId> after) {
    for (OpId before : after) add_edge(before, op);
    return op;
  }
};

using Times = std::vector<double>;
Times begins(const Timeline& t) {
  Times out;
  for (Seconds s : t.begin) out.push_back(s.value());
  return out;
}
Times ends(const Timeline& t) {
  Times out;
  for (Seconds s : t.end) out.push_back(s.value());
  return out;
}
doctest::Approx is(double value) { return testing::relative(value, 1e-12); }

TEST_CASE("replay: an empty schedule ends at once") {
  const Timeline t = replay(Wires().n, ScheduleBuilder(3).build());
  CHECK(t.makespan == Seconds(0));
  CHECK(t.begin.empty());
  CHECK(t.link_bytes == Times{0, 0});
  CHECK(replay(Network(), ScheduleBuilder(0).build()).makespan == Seconds(0));
}

TEST_CASE("replay: a lane serves ready ops one at a time, first ready first, whatever their ids") {
  Builder b;
  const LaneId lane = b.add_lane(Rank{0}, "a"), other = b.add_lane(Rank{0}, "b");
  const OpId late = b.compute(lane, 1);                               // id 0, ready at 3
  const OpId early = b.compute(lane, 4);                              // id 1, ready at 2
  const OpId first = b.compute(lane, 5);                              // ready at 0: runs from 0 to 5
  const OpId two = b.compute(other, 2), three = b.compute(other, 1);  // end at 2 and 3
  b.add_edge(two, early);
  b.add_edge(three, late);
  const Timeline t = replay(Wires().n, b.build());
  CHECK(begins(t) == Times{9, 5, 0, 0, 2});
  CHECK(ends(t) == Times{10, 9, 5, 2, 3});
  CHECK(t.makespan == Seconds(10));
  static_cast<void>(first);
}

TEST_CASE("replay: of ops that become ready at the same time, a lane serves the lowest id") {
  Builder b;
  const LaneId lane = b.add_lane(Rank{0}, "a"), p = b.add_lane(Rank{1}, "p"), q = b.add_lane(Rank{2}, "q");
  const OpId before_high = b.compute(p, 1), before_low = b.compute(q, 1);
  b.compute(lane, 1, {before_low});
  b.compute(lane, 1, {before_high});
  CHECK(begins(replay(Wires().n, b.build())) == Times{0, 0, 1, 2});

  Builder roots;  // also at the very beginning, behind joins and zero-length ops, and as the lane falls free
  const LaneId l = roots.add_lane(Rank{0}, "a"), m = roots.add_lane(Rank{0}, "b");
  const OpId low = roots.compute(l, 3), high = roots.compute(l, 2);
  roots.behind(low, {roots.join({roots.compute(m, 0)})});
  roots.behind(high, {roots.join({})});
  CHECK(begins(replay(Wires().n, roots.build())) == Times{2, 0, 0, 0, 0});  // high is ready before the zero-length op

  Builder flows;  // two flows that end together on links of their own
  const Wires w;
  const LaneId f = flows.add_lane(Rank{0}, "a");
  Network n = w.n;
  const PathId twin = n.add_path({{n.add_link({"twin", BytesPerSecond(1e9), Seconds(1e-3)})}});
  const OpId sent_high = flows.flow(w.path, 1'000'000), sent_low = flows.flow(twin, 1'000'000);
  flows.compute(f, 1, {sent_low});
  flows.compute(f, 1, {sent_high});
  const Timeline t = replay(n, flows.build());
  CHECK(t.begin[2].value() == is(2e-3));
  CHECK(t.begin[3].value() == is(1.002));
}

TEST_CASE("replay: ops without a lane, and ops on different lanes, run side by side") {
  Builder b;
  const LaneId lane = b.add_lane(Rank{0}, "a"), other = b.add_lane(Rank{0}, "b");
  for (LaneId l : {lane, other, no_lane, no_lane}) b.compute(l, 1);
  b.compute(lane, 1);
  CHECK(begins(replay(Wires().n, b.build())) == Times{0, 0, 0, 0, 1});
}

TEST_CASE("replay: a join waits for all, takes no time and frees all") {
  Builder b;
  const OpId one = b.compute(no_lane, 1), two = b.compute(no_lane, 2.5);
  const OpId join = b.join({one, two, one}), second = b.join({join, one});  // an edge twice is one edge
  b.compute(no_lane, 1, {second});
  b.compute(no_lane, 2, {join});
  b.join({});
  const Timeline t = replay(Wires().n, b.build());
  CHECK(begins(t) == Times{0, 0, 2.5, 2.5, 2.5, 2.5, 0});
  CHECK(ends(t) == Times{1, 2.5, 2.5, 2.5, 3.5, 4.5, 0});
}

TEST_CASE("replay: zero durations pass through a lane in order") {
  Builder b;
  const LaneId lane = b.add_lane(Rank{0}, "a");
  b.compute(lane, 0);
  b.compute(lane, 1);
  b.compute(lane, 0);
  const OpId last = b.compute(lane, 0);
  b.compute(lane, 2, {last});
  const Timeline t = replay(Wires().n, b.build());
  CHECK(begins(t) == Times{0, 0, 1, 1, 1});
  CHECK(ends(t) == Times{0, 1, 1, 1, 3});
}

TEST_CASE("replay: a flow pays its latency, as often as it has rounds, and then its bytes") {
  const Wires w;
  Builder b;
  const OpId plain = b.flow(w.path, 5'000'000);               // 1 ms + 5 ms
  const OpId rounds = b.flow(w.path, 2'000'000, {plain}, 7);  // 7 ms + 2 ms
  const OpId empty = b.flow(w.path, 0, {rounds}, 3);          // 3 ms
  const OpId here = b.flow(w.nothing, 1LL << 40, {empty});    // at once
  const OpId wait = b.flow(w.waiting, 1LL << 40, {here}, 2);  // 4 ms
  const OpId free = b.flow(w.no_latency, 0, {wait});          // at once
  b.flow(w.no_latency, 3'000'000, {free});                    // 3 ms
  const Timeline t = replay(w.n, b.build());
  const double expected[] = {6e-3, 15e-3, 18e-3, 18e-3, 22e-3, 22e-3, 25e-3};
  for (std::size_t i = 0; i < 7; ++i) {
    CAPTURE(i);
    CHECK(t.end[i].value() == is(expected[i]));
    CHECK(t.begin[i] == (i == 0 ? Seconds(0) : t.end[i - 1]));  // a flow begins when it is ready
  }
  CHECK(t.link_bytes == Times{7e6, 3e6});
}

TEST_CASE("replay: very long chains of ops that take no time") {
  const Wires w;
  Builder b;
  for (std::uint32_t i = 0; i < 300'000; ++i) {
    const OpId op = i % 3 == 0 ? b.join({}) : b.flow(i % 3 == 1 ? w.nothing : w.no_latency, i % 3 == 1 ? 8 : 0);
    if (i > 0) b.add_edge(OpId{i - 1}, op);
  }
  b.compute(no_lane, 1, {OpId{299'999}});
  CHECK(replay(w.n, b.build()).makespan == Seconds(1));
}

TEST_CASE("replay: replays on one Replayer do not know of each other") {
  const Wires w;
  std::vector<Schedule> schedules;
  for (std::int64_t k = 1; k <= 5; ++k) {
    Builder b;
    const LaneId lane = b.add_lane(Rank{0}, "a");
    for (std::uint32_t i = 0; i < 20; ++i) {
      const OpId op = i % 4 == 0 ? b.compute(lane, 1e-3 * static_cast<double>(k) / 3)
                                 : b.flow(i % 4 == 1 ? w.path : w.no_latency, 100'003 * (i * k % 7));
      if (i > 2) b.add_edge(OpId{i - 3}, op);
    }
    schedules.push_back(b.build());
  }
  std::vector<const Schedule*> forth, back;
  for (const Schedule& s : schedules) forth.push_back(&s);
  back.assign(forth.rbegin(), forth.rend());
  const auto once = replay_all(w.n, forth), again = replay_all(w.n, back);
  for (std::size_t i = 0; i < schedules.size(); ++i) {
    CAPTURE(i);
    const Timeline alone = replay(w.n, schedules[i]);
    for (const Timeline* t : {&once[i], &again[schedules.size() - 1 - i]}) {
      CHECK(t->link_bytes == alone.link_bytes);
      // SimGrid's clock runs on, so a flow's end has the rounding of a later date: here some units of the 16th digit.
      for (std::size_t op = 0; op < alone.end.size(); ++op)
        CHECK(std::abs((t->end[op] - alone.end[op]).value()) <= 1e-14 * alone.makespan.value());
    }
  }
}

TEST_CASE("replay: flows end as they should late in a long run") {
  const Wires w;
  for (const double start : {1e3, 1e4, 1e5, 1e6}) {
    CAPTURE(start);
    Builder b;
    const OpId wait = b.compute(no_lane, start);
    b.flow(w.path, 1'000'003, {wait});
    b.flow(w.path, 3'000'019, {wait});
    const Timeline t = replay(w.n, b.build());
    // Within a few of the clock's own steps (2e-16 of the date).
    CHECK(std::abs(t.end[1].value() - (start + 1e-3 + 2 * 1.000003e-3)) <= 1e-15 * start);
    CHECK(std::abs(t.end[2].value() - (start + 1e-3 + 4.000022e-3)) <= 1e-15 * start);
  }
}

// What a replay in a child says when it throws std::logic_error; empty where it does not.
std::string refusal(const Schedule& schedule) {
  return in_child([&]() -> std::string {
    Replayer replayer(Wires().n);
    try {
      replayer.replay(schedule);
      return {};
    } catch (const std::logic_error& e) {
      Builder b;  // and the next replay is none the worse for it
      b.compute(b.add_lane(Rank{0}, "a"), 2, {b.compute(no_lane, 1)});
      return replayer.replay(b.build()).makespan == Seconds(3) ? e.what() : "and the next replay goes wrong";
    }
  });
}

TEST_CASE("replay: what cannot be replayed is refused") {
  Builder cycle, path, lane, load, good;
  const OpId a = cycle.join({}), c = cycle.compute(no_lane, 1, {a}), d = cycle.compute(cycle.add_lane(Rank{0}, "a"), 1);
  cycle.add_edge(c, a);
  static_cast<void>(d);
  CHECK(refusal(cycle.build()) == "the schedule did not run to its end: it has a cycle");
  path.flow(PathId{4}, 1);
  CHECK(refusal(path.build()) == "an op takes a path that the network lacks");
  const Load loads[] = {{PathId{0}, Bytes(1)}, {PathId{4}, Bytes(1)}};
  load.add_compute({}, Kind::other, no_lane, Seconds(1), {}, no_index, load.add_loads(loads));
  CHECK(refusal(load.build()) == "an op takes a path that the network lacks");
  lane.compute(LaneId{0}, 1);
  CHECK(refusal(lane.build()) == "an op runs on a lane that the schedule lacks");
  for (const auto& [on, closes] : {std::pair{LaneId{0}, OpId{1}}, {LaneId{1}, OpId{0}}}) {
    Builder span;
    const LaneId only = span.add_lane(Rank{0}, "a");
    span.compute(only, 1);
    span.add_span({.lane = on, .closes = closes});
    CHECK(refusal(span.build()) == "a span names an op or a lane that the schedule lacks");
  }
  good.flow(PathId{3}, 1);
  CHECK(refusal(good.build()).empty());
}

TEST_CASE("replay: a process has one Replayer, even after it is gone") {
  for (const bool gone : {false, true})
    CHECK(in_child([gone]() -> std::string {
            auto first = std::make_unique<Replayer>(Wires().n);
            if (gone) first.reset();
            try {
              Replayer second{Network()};
              return "a second one";
            } catch (const std::logic_error&) {
              return "refused";
            }
          }) == "refused");
}

TEST_CASE("forked: a child that fails says how") {
  CHECK_THROWS_WITH(in_child([]() -> std::string { throw std::range_error("too far"); }), "the child threw: too far");
  CHECK_THROWS_WITH(in_child([]() -> std::string { ::_exit(7); }),
                    "the child ended with status 7 and without a result");
  CHECK_THROWS_WITH(in_child([]() -> Times {
                      ::kill(::getpid(), SIGKILL);
                      return {};
                    }),
                    "the child was killed: Killed");
  CHECK(in_child([] { return Times(100'000, 0.1); }) == Times(100'000, 0.1));  // more than a pipe holds
  CHECK(in_child([] { return std::string(); }).empty());
}

}  // namespace
}  // namespace rehearse
