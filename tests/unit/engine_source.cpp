// Replays of sources: flows made as they are needed, against the same flows as a Schedule.
#include <doctest/doctest.h>

#include <random>
#include <stdexcept>

#include "tests/support/given_source.hpp"
#include "tests/support/relative.hpp"
#include "tests/support/replayed.hpp"

namespace rehearse {
namespace {

using testing::append;
using testing::GivenFlow;
using testing::GivenFlows;
using testing::GivenSource;
using testing::in_child;
using testing::schedule_of;
using Times = std::vector<double>;

doctest::Approx is(double value) { return testing::relative(value, 1e-12); }

Times replay_source(const Network& network, const GivenFlows& flows) {
  return in_child([&] {
    Replayer replayer(network);
    GivenSource source(flows);
    Times numbers;
    append(numbers, replayer.replay(source));
    return numbers;
  });
}

/// 1 GB/s each.
struct Wires {
  Network n;
  LinkId link = n.add_link({"link", BytesPerSecond(1e9), Seconds(1e-3)});
  LinkId other = n.add_link({"other", BytesPerSecond(1e9), Seconds(0)});
  PathId path = n.add_path({{link}}), nothing = n.add_path({}, Seconds(5));
};

/// Links of several speeds and paths over one to three of them, some folded, one over nothing.
Network random_network(std::mt19937& random) {
  Network n;
  std::vector<LinkId> links;
  for (int i = 0; i < 6; ++i)
    links.push_back(
        n.add_link({std::to_string(i), BytesPerSecond(1e9 * static_cast<double>(1 + random() % 7)), Seconds(1e-6)}));
  for (int i = 0; i < 12; ++i) {
    std::vector<Hop> hops;
    for (std::size_t at = random() % 6, count = random() % 3 + 1; hops.size() < count; at = (at + 1) % 6)
      hops.push_back({links[at], 1 + static_cast<std::uint32_t>(random() % 5 == 0)});
    n.add_path(std::move(hops));
  }
  n.add_path({});
  return n;
}

GivenFlows random_flows(std::mt19937& random, std::size_t count) {
  GivenFlows flows(count);
  for (std::size_t i = 0; i < count; ++i) {
    flows[i] = {.path = PathId{static_cast<std::uint32_t>(random() % 13)},
                .bytes = random() % 6 == 0 ? 0 : static_cast<std::int64_t>(random() % 5'000'000),
                .latency = random() % 3 == 0 ? 0 : static_cast<double>(random() % 1000) * 1.0007e-6};
    for (std::size_t k = random() % 3; k > 0 && i > 0; --k) {
      const std::size_t before = random() % i;
      auto& which = random() % 2 == 0 ? flows[i].left : flows[i].arrived;
      if (std::ranges::count(which, before) == 0) which.push_back(before);
    }
  }
  return flows;
}

TEST_CASE("source: the same flows as a schedule take the same time, each of them, and carry the same bytes") {
  std::mt19937 random(5);
  for (int round = 0; round < 20; ++round) {
    CAPTURE(round);
    const Network network = random_network(random);
    const GivenFlows flows = random_flows(random, 80);
    const Timeline expected = testing::replay(network, schedule_of(flows));
    const Times seen = in_child([&] {
      Replayer replayer(network);
      GivenSource source(flows, std::uint64_t{1} << 40);
      Times numbers;
      append(numbers, replayer.replay(source));
      numbers.insert(numbers.end(), source.told().begin(), source.told().end());
      return numbers;
    });
    CHECK(seen[0] == is(expected.makespan.value()));
    CHECK(seen[1] == 80);
    CHECK(seen[2] > 3);
    CHECK(Times(seen.begin() + 3, seen.begin() + 9) == expected.link_bytes);
    REQUIRE(seen.size() == 9 + 2 * 80);
    std::vector<std::size_t> told;
    for (std::size_t k = 9; k < seen.size(); ++k) told.push_back(static_cast<std::size_t>(seen[k]));
    std::size_t late = 0;  // told in the order of time, each once
    for (std::size_t i = 1; i < told.size(); ++i)
      if (expected.end[told[i]] < expected.end[told[i - 1]] - Seconds(1e-12)) ++late;
    CHECK(late == 0);
    std::ranges::sort(told);
    for (std::size_t i = 0; i < told.size(); ++i) REQUIRE(told[i] == i);
  }
}

TEST_CASE("source: what waits for a flow to leave does not wait for its latency") {
  const Wires w;
  const GivenFlow flow{w.path, 1'000'000, 0.5};
  GivenFlow second = flow, third = flow;
  second.left = {0}, third.left = {1};
  const Times left = replay_source(w.n, {flow, second, third});
  CHECK(left[0] == is(3e-3 + 0.5));
  CHECK(left[2] == 3);
  second = third = flow;
  second.arrived = {0}, third.arrived = {1};
  const Times arrived = replay_source(w.n, {flow, second, third});
  CHECK(arrived[0] == is(3 * (1e-3 + 0.5)));
  CHECK(arrived[2] == 1);
  CHECK(arrived[3] == 3e6);
}

TEST_CASE("source: one that has nothing ends at once") {
  const Wires w;
  CHECK(replay_source(w.n, {}) == Times{0, 0, 0, 0, 0});
  CHECK(replay_source(Network(), {}) == Times{0, 0, 0});
  // None begins where each waits for the other.
  CHECK(replay_source(w.n, {{w.path, 1, 0, {1}}, {w.path, 1, 0, {}, {0}}}) == Times{0, 0, 0, 0, 0});
}

TEST_CASE("source: flows over nothing or of nothing take their own latency, not the path's") {
  const Wires w;
  const std::int64_t many = 1LL << 40;
  CHECK(replay_source(w.n, {{w.nothing, many, 0}})[0] == 0);
  CHECK(replay_source(w.n, {{w.nothing, many, 0.25}})[0] == 0.25);
  CHECK(replay_source(w.n, {{w.path, 0, 0.25}})[0] == 0.25);
  CHECK(replay_source(w.n, {{w.nothing, many, 0.25}, {w.nothing, many, 0.25, {0}}})[0] == 0.25);
  CHECK(replay_source(w.n, {{w.nothing, many, 0.25}, {w.nothing, many, 0.25, {}, {0}}})[0] == 0.5);
}

/// So many flows, each when the one before has arrived (or left).
class ChainSource : public FlowSource {
 public:
  ChainSource(PathId path, std::int64_t bytes, std::uint64_t count, bool behind_left)
      : flow_{path, Bytes(bytes), Seconds(), 0}, count_(count), behind_left_(behind_left) {}
  void begin(std::vector<SourceFlow>& started) override { started.push_back(flow_); }
  void left(std::uint64_t /*token*/, std::vector<SourceFlow>& started) override {
    if (behind_left_) go_on(started);
  }
  void arrived(std::uint64_t /*token*/, std::vector<SourceFlow>& started) override {
    if (!behind_left_) go_on(started);
  }

 private:
  void go_on(std::vector<SourceFlow>& started) {
    if (++flow_.token < count_) started.push_back(flow_);
  }
  SourceFlow flow_;
  std::uint64_t count_;
  bool behind_left_;
};

TEST_CASE("source: very long chains of flows that take no time") {
  for (const bool behind_left : {false, true}) {
    const Times seen = in_child([&] {
      const Wires w;
      Replayer replayer(w.n);
      ChainSource source(w.nothing, 8, 300'000, behind_left);
      Times numbers;
      append(numbers, replayer.replay(source));
      return numbers;
    });
    CHECK(seen[0] == 0);
    CHECK(seen[1] == 300'000);
    CHECK(seen[2] <= (behind_left ? 2 : 1));
  }
}

TEST_CASE("source: the flows alive are those under way, and no more are kept") {
  const Times seen = in_child([&] {
    const Wires w;
    Replayer replayer(w.n);
    ChainSource source(w.path, 1000, 5000, false);
    Times numbers;
    append(numbers, replayer.replay(source));
    return numbers;
  });
  CHECK(seen[0] == testing::relative(5e-3, 1e-9));
  CHECK(seen[1] == 5000);
  CHECK(seen[2] == 1);
  CHECK(seen[3] == 5e6);
}

/// Each flow over a path that is added when it starts: over both links, one of them twice.
class PathAdder : public FlowSource {
 public:
  PathAdder(Replayer& replayer, const Wires& wires, int count) : replayer_(replayer), wires_(wires), count_(count) {}
  void begin(std::vector<SourceFlow>& started) override { add(started); }
  void left(std::uint64_t /*token*/, std::vector<SourceFlow>& /*started*/) override {}
  void arrived(std::uint64_t /*token*/, std::vector<SourceFlow>& started) override {
    if (--count_ > 0) add(started);
  }

 private:
  void add(std::vector<SourceFlow>& started) {
    const PathId path = replayer_.add_path({{wires_.link, 2}, {wires_.other}}, Seconds(9));
    started.push_back({path, Bytes(1'000'000), Seconds(1e-3), 0});
  }
  Replayer& replayer_;
  const Wires& wires_;
  int count_;
};

TEST_CASE("source: paths may be added before and during a replay") {
  const Times seen = in_child([] {
    const Wires w;
    Replayer replayer(w.n);
    const PathId both = replayer.add_path({{w.link}, {w.other}}, Seconds(0));
    const GivenFlows flows{{both, 1'000'000, 0}, {w.path, 1'000'000, 0}};
    GivenSource before(flows);
    Times numbers;
    append(numbers, replayer.replay(before));
    PathAdder during(replayer, w, 3);
    append(numbers, replayer.replay(during));
    numbers.push_back(static_cast<double>(replayer.network().path_count()));
    numbers.push_back(replayer.network().latency(both).value());
    ScheduleBuilder b(2);  // a schedule pays their latency
    b.add_flow({}, Kind::other, Rank{0}, Rank{1}, Bytes(1'000'000), PathId{3});
    numbers.push_back(replayer.replay(b.build()).makespan.value());
    return numbers;
  });
  const Times expected{2e-3, 2, 2, 2e6, 1e6, 9e-3, 3, 1, 6e6, 3e6, 6, 0, 9 + 2e-3};
  REQUIRE(seen.size() == expected.size());
  for (std::size_t i = 0; i < seen.size(); ++i) {
    CAPTURE(i);
    CHECK(seen[i] == is(expected[i]));
  }
}

enum class When { begin, left, arrived };
class ThrowingSource : public FlowSource {
 public:
  ThrowingSource(PathId path, When when) : path_(path), when_(when) {}
  void begin(std::vector<SourceFlow>& started) override {
    fail(When::begin);
    started.push_back({path_, Bytes(1000), Seconds(1e-6), 0});
  }
  void left(std::uint64_t /*token*/, std::vector<SourceFlow>& /*started*/) override { fail(When::left); }
  void arrived(std::uint64_t /*token*/, std::vector<SourceFlow>& /*started*/) override { fail(When::arrived); }

 private:
  void fail(When now) const {
    if (now == when_) throw std::range_error("no more");
  }
  PathId path_;
  When when_;
};

TEST_CASE("source: what it throws comes out of the replay") {
  for (const When when : {When::begin, When::left, When::arrived}) {
    CAPTURE(static_cast<int>(when));
    CHECK(in_child([when]() -> std::string {
            const Wires w;
            Replayer replayer(w.n);
            ThrowingSource source(w.path, when);
            try {
              replayer.replay(source);
              return "nothing";
            } catch (const std::range_error& e) {
              return e.what();
            }
          }) == "no more");
  }
}

TEST_CASE("source: what it cut off is not replayed over") {
  CHECK(in_child([]() -> std::string {
          const Wires w;
          Replayer replayer(w.n);
          ThrowingSource source(w.path, When::left);
          try {
            replayer.replay(source);
          } catch (const std::range_error&) {
          }
          ScheduleBuilder b(2);
          b.add_flow({}, Kind::other, Rank{0}, Rank{1}, Bytes(1), w.path);
          try {
            replayer.replay(b.build());
          } catch (const std::logic_error& e) {
            return e.what();
          }
          return "replayed";
        }) == "an exception ended a replay: its flows are still under way");
}

TEST_CASE("source: a path that is not there") {
  CHECK(in_child([]() -> std::string {
          const Wires w;
          Replayer replayer(w.n);
          const GivenFlows flows{{PathId{99}, 1, 0}};  // outlives the source
          GivenSource source(flows);
          try {
            replayer.replay(source);
          } catch (const std::logic_error& e) {
            return e.what();
          }
          return "replayed";
        }) == "a source's flow takes a path that is not there");
}

TEST_CASE("source: the same each time, on one Replayer with schedules between them and in another process") {
  std::mt19937 random(17);
  const Network network = random_network(random);
  const GivenFlows flows = random_flows(random, 120);
  const Schedule schedule = schedule_of(flows);
  const auto run = [&] {
    Replayer replayer(network);
    Times numbers;
    for (int i = 0; i < 3; ++i) {
      GivenSource source(flows);
      append(numbers, replayer.replay(source));
      numbers.insert(numbers.end(), source.told().begin(), source.told().end());
      numbers.push_back(replayer.replay(schedule).makespan.value());
    }
    return numbers;
  };
  const Times once = in_child(run);
  CHECK(once == in_child(run));
  const std::size_t part = once.size() / 3;
  for (std::size_t i = part; i < once.size(); ++i) {
    CAPTURE(i);
    CHECK(once[i] == testing::relative(once[i % part], 1e-14));  // SimGrid's clock runs on
  }
}

}  // namespace
}  // namespace rehearse
