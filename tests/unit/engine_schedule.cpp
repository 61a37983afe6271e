// Schedules: what the builder makes of ops and edges, and that validate() finds each kind of fault.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <stdexcept>

#include "engine/schedule.hpp"
#include "engine/topological_order.hpp"

namespace rehearse {
namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// The builder cannot make some faults; passes over a schedule could.
Op& corrupt(Schedule& schedule, OpId id) { return const_cast<Op&>(schedule.op(id)); }

// Two ranks, a lane each, a compute, a flow after it and a join after that.
struct Small {
  ScheduleBuilder b{2};
  LaneId lane0 = b.add_lane(Rank{0}, "compute"), lane1 = b.add_lane(Rank{1}, "compute");
  OpId compute = b.add_compute(b.name("work"), Kind::forward, lane0, Seconds(2.0));
  OpId flow = b.add_flow(b.name("send"), Kind::pipeline_comm, Rank{0}, Rank{1}, Bytes(1000), PathId{7});
  OpId join = b.add_join();
  Small() {
    b.add_edge(compute, flow);
    b.add_edge(flow, join);
  }
};

// One fault, and it says this.
void check_fault(const Schedule& schedule, const std::string& part) {
  const std::vector<std::string> faults = validate(schedule);
  CAPTURE(part);
  REQUIRE(faults.size() == 1);
  CHECK_MESSAGE(contains(faults[0], part), faults[0]);
}

TEST_CASE("schedule: ops keep what they were given") {
  ScheduleBuilder b(9);
  const LaneId lane = b.add_lane(Rank{5}, "communication");
  const Part parts[] = {{b.name("a"), Seconds(1), Flops(10)}, {b.name("b"), Seconds(2), Flops(20)}};
  const Load loads[] = {{PathId{3}, Bytes(7)}};
  const std::uint32_t first = b.add_parts(parts), second = b.add_parts(std::span(parts).first(1));
  const std::uint32_t load = b.add_loads(loads);
  CHECK(first != second);
  CHECK(b.add_parts({}) == no_index);
  CHECK(b.add_loads({}) == no_index);
  const OpId c = b.add_compute(b.name("c"), Kind::backward, lane, Seconds(3),
                               {.micro_batch = 1, .layer = 2, .stage = 3}, first, load);
  const OpId d = b.add_compute(b.name("d"), Kind::forward, no_lane, Seconds(1), {}, second);
  const OpId f = b.add_flow(b.name("c"), Kind::data_comm, Rank{4}, Rank{8}, Bytes(1LL << 50), PathId{11}, {}, 6);
  const OpId j = b.add_join(b.name("j"), Kind::optimizer, {.micro_batch = 9});
  CHECK(b.size() == 4);
  const Schedule s = b.build();

  CHECK(s.size() == 4);
  CHECK(s.rank_count() == 9);
  CHECK(s.flow_count() == 1);
  CHECK(s.edge_count() == 0);
  CHECK(s.op(c).type == OpType::compute);
  CHECK(Schedule::duration(s.op(c)) == Seconds(3));
  CHECK(Schedule::lane(s.op(c)) == lane);
  CHECK(s.op(c).tags == Tags{1, 2, 3});
  CHECK(s.op(c).kind == Kind::backward);
  CHECK(s.op(c).name == s.op(f).name);
  CHECK(s.name(s.op(d).name) == "d");
  REQUIRE(s.parts(s.op(c)).size() == 2);
  CHECK(s.name(s.parts(s.op(c))[1].name) == "b");
  CHECK(s.parts(s.op(c))[1].flops == Flops(20));
  REQUIRE(s.parts(s.op(d)).size() == 1);
  CHECK(s.parts(s.op(d))[0].duration == Seconds(1));
  REQUIRE(s.loads(s.op(c)).size() == 1);
  CHECK(s.loads(s.op(c))[0].path == PathId{3});
  CHECK(s.loads(s.op(d)).empty());
  CHECK(s.part_group_count() == 2);
  CHECK(s.load_group_count() == 1);
  CHECK(Schedule::lane(s.op(d)) == no_lane);
  CHECK(Schedule::bytes(s.op(f)) == Bytes(1LL << 50));
  CHECK(Schedule::path(s.op(f)) == PathId{11});
  CHECK(Schedule::source(s.op(f)) == Rank{4});
  CHECK(Schedule::destination(s.op(f)) == Rank{8});
  CHECK(s.op(f).rounds == 6);
  CHECK(s.parts(s.op(f)).empty());  // the shared words of a flow are ranks, not groups
  CHECK(s.loads(s.op(f)).empty());
  CHECK(s.op(j).type == OpType::join);
  CHECK(s.op(j).kind == Kind::optimizer);
  REQUIRE(s.lanes().size() == 1);
  CHECK(s.lanes()[0].rank == Rank{5});
  CHECK(s.name(s.lanes()[0].name) == "communication");
  CHECK(s.name(NameId{0}).empty());

  CHECK(b.size() == 0);  // empty afterwards
  CHECK(b.build().size() == 0);
}

TEST_CASE("schedule: an op and its edges fit in 64 bytes") {
  CHECK(sizeof(Op) <= 40);
  // Beside the op: its place in the successor array, its predecessor count, and four bytes for each edge out of it.
  CHECK(sizeof(Op) + 2 * sizeof(std::uint32_t) + 4 * sizeof(OpId) <= 64);
}

TEST_CASE("schedule: successors are sorted and predecessors counted, whatever the order of the edges") {
  std::mt19937 random(1);
  constexpr std::uint32_t ops = 60;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> edges;
  for (std::uint32_t i = 0; i < 400; ++i) {
    const auto a = static_cast<std::uint32_t>(random() % ops), c = static_cast<std::uint32_t>(random() % ops);
    if (a != c) edges.emplace_back(std::min(a, c), std::max(a, c));  // some of them twice
  }
  for (int shuffle = 0; shuffle < 5; ++shuffle) {
    std::shuffle(edges.begin(), edges.end(), random);
    ScheduleBuilder b(1);
    for (std::uint32_t i = 0; i < ops; ++i) b.add_join();
    for (const auto& [from, to] : edges) b.add_edge(OpId{from}, OpId{to});
    const Schedule s = b.build();
    CHECK(s.edge_count() == edges.size());
    for (std::uint32_t i = 0; i < ops; ++i) {
      std::vector<OpId> expected;
      for (const auto& [from, to] : edges)
        if (from == i) expected.push_back(OpId{to});
      std::ranges::sort(expected);
      CHECK(std::ranges::equal(s.successors(OpId{i}), expected));
      CHECK(s.predecessor_count(OpId{i}) == std::ranges::count(edges, i, [](const auto& e) { return e.second; }));
    }
    const std::vector<OpId> order = topological_order(s);
    REQUIRE(order.size() == ops);
    std::vector<std::size_t> at(ops);
    for (std::size_t k = 0; k < ops; ++k) at[index(order[k])] = k;
    CHECK(std::ranges::all_of(edges, [&](const auto& e) { return at[e.first] < at[e.second]; }));
    CHECK(validate(s).empty());
  }
}

TEST_CASE("schedule: the builder refuses an edge to an op that is not there") {
  Small s;
  s.b.add_edge(s.join, OpId{3});
  CHECK_THROWS_AS(s.b.build(), std::logic_error);
}

TEST_CASE("schedule: every kind has a name of its own") {
  for (std::size_t i = 0; i < kind_count; ++i)
    CHECK(kind_of_name(kind_name(static_cast<Kind>(i))) == static_cast<Kind>(i));
  CHECK_THROWS_AS(kind_of_name("forwards"), std::invalid_argument);
  CHECK(op_type_name(OpType::flow) == "flow");
}

TEST_CASE("validate: good schedules are clean") {
  CHECK(validate(ScheduleBuilder(0).build()).empty());
  Small s;
  s.b.add_edge(s.compute, s.flow);  // a second identical edge is harmless
  s.b.add_span({s.b.name("whole"), s.lane0, s.compute, s.join, Bytes(1000)});
  s.b.add_span({s.b.name("point"), s.lane0, s.join, s.join});
  CHECK(validate(s.b.build()).empty());
}

TEST_CASE("validate: cycles, of two and of one") {
  Small two;
  two.b.add_edge(two.join, two.flow);
  check_fault(two.b.build(), "2 ops lie on a cycle or behind one");
  Small one;
  one.b.add_edge(one.compute, one.compute);
  check_fault(one.b.build(), "3 ops lie on a cycle or behind one");
}

TEST_CASE("validate: amounts") {
  for (const double bad : {-1e-9, not_a_number, std::numeric_limits<double>::infinity()}) {
    Small s;
    s.b.add_compute({}, Kind::forward, s.lane0, Seconds(bad));
    check_fault(s.b.build(), "op 3: amount");
  }
  Small negative;
  negative.b.add_flow({}, Kind::other, Rank{0}, Rank{1}, Bytes(-4), PathId{0});
  check_fault(negative.b.build(), "op 3: amount -4");
  Small small;
  Schedule fraction = small.b.build();
  corrupt(fraction, small.flow).amount = 1000.5;
  check_fault(fraction, "op 1: 1000.5 is not a whole number of bytes");
}

TEST_CASE("validate: ranks") {
  Small from, to, lane;
  from.b.add_flow({}, Kind::other, Rank{2}, Rank{1}, Bytes(1), PathId{0});
  check_fault(from.b.build(), "op 3: flow 2 -> 1 of 2 ranks");
  to.b.add_flow({}, Kind::other, Rank{0}, Rank{4}, Bytes(1), PathId{0});
  check_fault(to.b.build(), "op 3: flow 0 -> 4 of 2 ranks");
  lane.b.add_lane(Rank{2}, "compute");
  check_fault(lane.b.build(), "a lane is of rank 2 of 2");
}

TEST_CASE("validate: ids of lanes, names, parts and loads") {
  Small lane, name, parts, loads;
  lane.b.add_compute({}, Kind::forward, LaneId{2}, Seconds(1));
  check_fault(lane.b.build(), "op 3: no lane 2");
  name.b.add_join(NameId{99});
  check_fault(name.b.build(), "op 3: no name 99");
  parts.b.add_compute({}, Kind::forward, parts.lane0, Seconds(1), {}, 0);
  check_fault(parts.b.build(), "op 3: no parts 0");
  loads.b.add_compute({}, Kind::forward, loads.lane0, Seconds(1), {}, no_index, 5);
  check_fault(loads.b.build(), "op 3: no loads 5");
}

TEST_CASE("validate: parts add up, and are what ops can be") {
  const auto with_parts = [](double op, double a, double b) {
    Small s;
    const Part parts[] = {{s.b.name("a"), Seconds(a), Flops(1)}, {s.b.name("b"), Seconds(b), Flops(1)}};
    s.b.add_compute({}, Kind::forward, s.lane0, Seconds(op), {}, s.b.add_parts(parts));
    return s.b.build();
  };
  CHECK(validate(with_parts(3, 1, 2)).empty());
  CHECK(validate(with_parts(3, 1, 2 * (1 + 1e-9))).empty());
  CHECK(validate(with_parts(0, 0, 0)).empty());
  check_fault(with_parts(3, 1, 2 + 1e-8), "op 3: its parts take");
  check_fault(with_parts(3, 1, 1), "op 3: its parts take 2 s, it takes 3 s");
  check_fault(with_parts(3, 4, -1), "parts 0: -1 s");
  CHECK(validate(with_parts(3, 3, not_a_number)).size() == 2);  // the part, and the sum
  Small s;
  const Load loads[] = {{PathId{0}, Bytes(-1)}};
  s.b.add_compute({}, Kind::forward, s.lane0, Seconds(1), {}, no_index, s.b.add_loads(loads));
  check_fault(s.b.build(), "loads 0: -1 bytes");
}

TEST_CASE("validate: spans open before they close") {
  Small backwards, beside, missing, lane, bytes;
  backwards.b.add_span({backwards.b.name("x"), backwards.lane0, backwards.join, backwards.compute});
  check_fault(backwards.b.build(), "span 'x' does not open before it closes");
  const OpId other = beside.b.add_join();  // later in every order of ids, but after nothing
  beside.b.add_span({beside.b.name("x"), beside.lane0, beside.compute, other});
  check_fault(beside.b.build(), "span 'x' does not open before it closes");
  missing.b.add_span({missing.b.name("x"), missing.lane0, missing.compute, OpId{3}});
  check_fault(missing.b.build(), "span 'x' names an op that is not there");
  lane.b.add_span({lane.b.name("x"), no_lane, lane.compute, lane.join});
  check_fault(lane.b.build(), "span 'x' has no lane");
  bytes.b.add_span({bytes.b.name("x"), bytes.lane0, bytes.compute, bytes.join, Bytes(-1)});
  check_fault(bytes.b.build(), "span 'x' has -1 bytes");
  for (const auto& [share, text] : {std::pair{1.0, "1"}, {-0.5, "-0.5"}}) {
    Small shared;
    shared.b.add_span({.name = shared.b.name("x"),
                       .lane = shared.lane0,
                       .opens = shared.compute,
                       .closes = shared.join,
                       .share = share});
    check_fault(shared.b.build(), std::string("span 'x' takes a share of ") + text);
  }
}

}  // namespace
}  // namespace rehearse
