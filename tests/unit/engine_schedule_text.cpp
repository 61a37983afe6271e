// The text form of a Schedule reads back as the same schedule, and says what it cannot read.
#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <sstream>

#include "engine/base/error.hpp"
#include "engine/schedule.hpp"

namespace rehearse {
namespace {

std::string text_of(const Schedule& s) {
  std::ostringstream out;
  write_text(s, out);
  return out.str();
}

Schedule schedule_of(const std::string& text) {
  std::istringstream in(text);
  return read_text(in, "a.goal");
}

bool same_bits(double a, double b) { return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b); }

bool same_parts(const Schedule& a, std::span<const Part> pa, const Schedule& b, std::span<const Part> pb) {
  return std::ranges::equal(pa, pb, [&](const Part& x, const Part& y) {
    return a.name(x.name) == b.name(y.name) && same_bits(x.duration.value(), y.duration.value()) &&
           same_bits(x.flops.value(), y.flops.value());
  });
}

bool same_op(const Schedule& a, const Op& x, const Schedule& b, const Op& y) {
  const auto same_load = [](const Load& m, const Load& n) { return m.path == n.path && m.bytes == n.bytes; };
  return a.name(x.name) == b.name(y.name) && same_bits(x.amount, y.amount) && x.type == y.type && x.kind == y.kind &&
         x.where == y.where && x.detail == y.detail && x.extra == y.extra && x.rounds == y.rounds && x.tags == y.tags &&
         same_parts(a, a.parts(x), b, b.parts(y)) && std::ranges::equal(a.loads(x), b.loads(y), same_load);
}

// The same to the last bit, but for the numbers of names.
void check_same(const Schedule& a, const Schedule& b) {
  REQUIRE(a.size() == b.size());
  CHECK(a.rank_count() == b.rank_count());
  CHECK(a.flow_count() == b.flow_count());
  CHECK(a.part_group_count() == b.part_group_count());
  CHECK(a.load_group_count() == b.load_group_count());
  bool ops = true, edges = true;
  for (std::uint32_t i = 0; i < a.size(); ++i) {
    ops = ops && same_op(a, a.op(OpId{i}), b, b.op(OpId{i}));
    edges = edges && std::ranges::equal(a.successors(OpId{i}), b.successors(OpId{i})) &&
            a.predecessor_count(OpId{i}) == b.predecessor_count(OpId{i});
  }
  CHECK(ops);
  CHECK(edges);
  CHECK(std::ranges::equal(a.lanes(), b.lanes(), [&](const Lane& x, const Lane& y) {
    return x.rank == y.rank && a.name(x.name) == b.name(y.name);
  }));
  CHECK(std::ranges::equal(a.spans(), b.spans(), [&](const Span& x, const Span& y) {
    return a.name(x.name) == b.name(y.name) && x.lane == y.lane && x.opens == y.opens && x.closes == y.closes &&
           x.bytes == y.bytes && x.tags == y.tags && x.kind == y.kind && same_bits(x.share, y.share);
  }));
}

void check_round_trip(const Schedule& s) {
  const std::string text = text_of(s);
  CAPTURE(text);
  const Schedule back = schedule_of(text);
  check_same(s, back);
  CHECK(text_of(back) == text);
}

const char* const awkward_names[] = {"",
                                     "plain",
                                     "two words",
                                     "\"",
                                     "\\",
                                     "a\"b\\",
                                     "\\\"n\\n",
                                     " space at ends ",
                                     "\\n",
                                     "line\nbreak",
                                     "tab\t.",
                                     "größe 規模",
                                     "after 3 kind flow",
                                     "op 0 join \"\"",
                                     "\n"};

TEST_CASE("text form: looks as documented") {
  ScheduleBuilder b(2);
  const LaneId lane = b.add_lane(Rank{0}, "compute");
  const Part parts[] = {{b.name("qkv"), Seconds(0.001), Flops(2.5e9)}};
  const Load loads[] = {{PathId{3}, Bytes(1024)}};
  const auto p = b.add_parts(parts), l = b.add_loads(loads);
  const OpId c = b.add_compute(b.name("layer 0"), Kind::forward, lane, Seconds(0.001), {0, 0, 0}, p, l);
  const OpId f = b.add_flow(b.name("send"), Kind::pipeline_comm, Rank{0}, Rank{1}, Bytes(1024), PathId{3});
  const OpId j = b.add_join();
  b.add_edge(f, j);
  b.add_edge(c, f);
  b.add_edge(c, j);
  b.add_span({b.name("all_reduce"), lane, c, j, Bytes(1024), {}, Kind::data_comm, 0.125});
  CHECK(text_of(b.build()) ==
        "schedule ranks 2\n"
        "lane 0 rank 0 \"compute\"\n"
        "part 0 \"qkv\" 0.001 2500000000\n"
        "load 0 path 3 1024\n"
        "op 0 compute \"layer 0\" kind forward amount 0.001 lane 0 parts 0 loads 0 mb 0 layer 0 stage 0\n"
        "op 1 flow \"send\" kind pipeline_comm amount 1024 from 0 to 1 path 3 rounds 1 after 1 0\n"
        "op 2 join \"\" kind other after 2 0 1\n"
        "span \"all_reduce\" kind data_comm lane 0 opens 0 closes 2 bytes 1024 share 0.125\n");
}

TEST_CASE("text form: awkward names, doubles and extremes") {
  ScheduleBuilder b(4);
  const LaneId lane = b.add_lane(Rank{3}, "a \"lane\"\\");
  for (const char* name : awkward_names) b.add_join(b.name(name));
  using Limits = std::numeric_limits<double>;
  for (const double d : {0.1, 1.0 / 3, Limits::min(), Limits::denorm_min(), Limits::max(), 5e-324, 123456789.123456789,
                         0.0, 1e23, 9007199254740993.0})
    b.add_compute({}, Kind::other, lane, Seconds(d));
  b.add_flow({}, Kind::other, Rank{0}, Rank{1}, Bytes(1LL << 53), PathId{4294967294}, {2147483647, 32767, 32767},
             4294967295);
  b.add_edge(OpId{2}, OpId{1});  // against the order of ids
  b.add_edge(OpId{2}, OpId{1});
  b.add_edge(OpId{4}, OpId{4});  // a cycle is for validate() to find
  check_round_trip(b.build());
  check_round_trip(ScheduleBuilder(0).build());
  check_round_trip(ScheduleBuilder(7).build());
}

// Random numbers that are the same everywhere (std's distributions are not).
struct Dice {
  std::mt19937 engine;
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(engine() % n); }
  std::int16_t small() { return static_cast<std::int16_t>(below(5)) - 1; }
  double real() { return std::ldexp(static_cast<double>(engine()), -static_cast<int>(below(90))) / 3; }
  Tags tags() { return {static_cast<std::int32_t>(below(5)) - 1, small(), small()}; }
  Kind kind() { return static_cast<Kind>(below(kind_count)); }
};

Schedule random_schedule(unsigned seed) {
  Dice dice{std::mt19937(seed)};
  ScheduleBuilder b(1 + dice.below(9));
  const auto name = [&] { return b.name(awkward_names[dice.below(std::size(awkward_names))]); };
  const auto lanes = dice.below(4), groups = dice.below(4), ops = dice.below(60);
  for (std::uint32_t i = 0; i < lanes; ++i) b.add_lane(Rank{dice.below(9)}, awkward_names[dice.below(6)]);
  for (std::uint32_t g = 0; g < groups; ++g) {
    std::vector<Part> parts(1 + dice.below(3));
    for (Part& p : parts) p = {name(), Seconds(dice.real()), Flops(dice.real())};
    std::vector<Load> loads(1 + dice.below(3));
    for (Load& l : loads) l = {PathId{dice.below(100)}, Bytes(dice.below(1u << 31))};
    b.add_parts(parts);
    b.add_loads(loads);
  }
  const auto one_of = [&](std::uint32_t n) { return dice.below(2) == 0 || n == 0 ? no_index : dice.below(n); };
  for (std::uint32_t i = 0; i < ops; ++i) {
    const std::uint32_t type = dice.below(3);
    if (type == 0)
      b.add_compute(name(), dice.kind(), LaneId{one_of(lanes)}, Seconds(dice.real()), dice.tags(), one_of(groups),
                    one_of(groups));
    else if (type == 1)
      b.add_flow(name(), dice.kind(), Rank{dice.below(9)}, Rank{dice.below(9)}, Bytes(dice.below(1u << 31)),
                 PathId{dice.below(100)}, dice.tags(), dice.below(100));
    else
      b.add_join(name(), dice.kind(), dice.tags());
  }
  for (std::uint32_t e = 0; e < 2 * ops; ++e) b.add_edge(OpId{dice.below(ops)}, OpId{dice.below(ops)});
  for (std::uint32_t i = dice.below(4); i > 0 && ops > 0; --i)
    b.add_span({name(), LaneId{one_of(lanes)}, OpId{dice.below(ops)}, OpId{dice.below(ops)}, Bytes(dice.below(1000)),
                dice.tags(), dice.kind(), dice.below(2) == 0 ? 0 : dice.real()});
  return b.build();
}

TEST_CASE("text form: 200 random schedules read back the same") {
  for (unsigned seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    check_round_trip(random_schedule(seed));
  }
}

// The fault of a text: "file:line: message".
std::string fault(const std::string& text) {
  try {
    schedule_of(text);
    return "none";
  } catch (const InputError& e) {
    return e.faults().size() == 1 ? e.what() : "several";
  }
}

std::string op_fault(const std::string& line) {
  return fault("schedule ranks 2\nlane 0 rank 0 \"l\"\n\n" + line + "\n");
}

TEST_CASE("text form: faults have a file and a line") {
  const auto begins = [](const std::string& text, const std::string& with) {
    CHECK_MESSAGE(text.starts_with(with), text);
  };
  begins(fault(""), "a.goal: expected 'schedule ranks N'");
  begins(fault("\n\n"), "a.goal:2: expected 'schedule ranks N'");
  begins(fault("lane 0 rank 0 \"l\"\n"), "a.goal:1: expected 'schedule ranks N' once, as the first line");
  begins(fault("schedule ranks 2\nschedule ranks 3\n"), "a.goal:2: expected 'schedule ranks N' once");
  begins(fault("schedule rank 2\n"), "a.goal:1: expected 'ranks'");
  begins(fault("schedule ranks\n"), "a.goal:1: expected a number at the end");
  begins(fault("schedule ranks two\n"), "a.goal:1: expected a number, found 'two'");
  begins(fault("schedule ranks 2 3\n"), "a.goal:1: expected the end of the line, found '3'");
  begins(op_fault("opp 0 join \"\""), "a.goal:4: expected schedule, lane, part, load, op or span, found 'opp'");
  // A truncated line.
  begins(op_fault("op"), "a.goal:4: expected a number at the end");
  begins(op_fault("op 0"), "a.goal:4: expected compute, flow or join, found ''");
  begins(op_fault("op 0 join"), "a.goal:4: expected a text in quotes");
  begins(op_fault("op 0 join \"a"), "a.goal:4: expected a quote at the end");
  begins(op_fault("op 0 join \"a\\"), "a.goal:4: expected a quote at the end");
  begins(op_fault("op 0 join a kind other"), "a.goal:4: expected a text in quotes");
  begins(op_fault("op 0 compute \"\" kind"), "a.goal:4: unknown kind ''");
  begins(op_fault("op 0 compute \"\" kind other amount"), "a.goal:4: expected a number at the end");
  begins(op_fault("op 0 join \"\" after 2 0"), "a.goal:4: expected a number at the end");
  begins(op_fault("lane 1 rank"), "a.goal:4: expected a number at the end");
  begins(op_fault("lane 1 \"x\""), "a.goal:4: expected 'rank'");
  begins(op_fault("part 0 \"x\" 1"), "a.goal:4: expected a number at the end");
  begins(op_fault("load 0 path 1"), "a.goal:4: expected a number at the end");
  // Unknown words.
  begins(op_fault("op 0 wait \"\""), "a.goal:4: expected compute, flow or join, found 'wait'");
  begins(op_fault("op 0 join \"\" kind forwards"), "a.goal:4: unknown kind 'forwards'");
  begins(op_fault("op 0 join \"\" micro_batch 3"), "a.goal:4: unknown field 'micro_batch'");
  begins(op_fault("op 0 flow \"\" bytes 3 from 0 to 1 path 0"), "a.goal:4: unknown field 'bytes'");  // of a span only
  begins(op_fault("op 0 join \"\" amount 3"), "a.goal:4: unknown field 'amount'");
  begins(op_fault("span \"\" after 1 0"), "a.goal:4: unknown field 'after'");
  // Wrong numbering.
  begins(op_fault("op 1 join \"\""), "a.goal:4: ops must be numbered in order");
  begins(op_fault("op 0 join \"\"\nop 0 join \"\""), "a.goal:5: ops must be numbered in order");
  begins(op_fault("lane 0 rank 1 \"\""), "a.goal:4: lanes must be numbered in order");
  begins(op_fault("part 1 \"x\" 1 1"), "a.goal:4: groups of parts must be numbered in order");
  begins(op_fault("part 0 \"x\" 1 1\npart 2 \"x\" 1 1"), "a.goal:5: groups of parts must be numbered in order");
  begins(op_fault("part 0 \"x\" 1 1\nop 0 join \"\"\npart 0 \"x\" 1 1"), "a.goal:6: groups of parts must be numbered");
  begins(op_fault("load 3 path 1 1"), "a.goal:4: groups of loads must be numbered in order");
  // Edges: forward ones may be right, so these are known at the end only.
  begins(op_fault("op 0 join \"\" after 2 1 0\nop 1 join \"\"\nop 2 join \"\" after 1 3"),
         "a.goal:6: there is no op 3");
  begins(op_fault("op 0 join \"\" after 1 1\nop 1 join \"\" after 1 2"), "a.goal:5: there is no op 2");
  begins(op_fault("op 0 join \"\" after 1 9\nop 1 join \"\" after 1 9"),
         "a.goal:4: there is no op 9");                  // the first line
  begins(op_fault("op 0 join \"\" after 1 0"), "none");  // a cycle: validate() says so
  // Numbers.
  begins(op_fault("op 0 compute \"\" amount 1.5s"), "a.goal:4: expected a number, found '1.5s'");
  begins(op_fault("op 0 compute \"\" lane -1"), "a.goal:4: expected a number, found '-1'");
  begins(op_fault("op 0 compute \"\" lane 1.5"), "a.goal:4: expected a number, found '1.5'");
  begins(op_fault("op 0 compute \"\" lane 4294967296"), "a.goal:4: expected a number, found '4294967296'");
  begins(op_fault("op 0 compute \"\" layer 40000"), "a.goal:4: expected a number, found '40000'");
  begins(op_fault("op 0 flow \"\" amount 1.5"), "a.goal:4: expected a whole number of bytes");
  begins(op_fault("op 0 flow \"\" amount nan"), "a.goal:4: expected a whole number of bytes");
  begins(op_fault("op 0 flow \"\" amount 1e300"), "a.goal:4: expected a whole number of bytes");
}

}  // namespace
}  // namespace rehearse
