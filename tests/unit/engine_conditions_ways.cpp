// Replays under conditions: the ways that flows take, what they cost, and what happens where there is none.
#include <doctest/doctest.h>

#include <unistd.h>

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

#include "tests/support/given_conditions.hpp"

namespace rehearse {
namespace {

using namespace testing;

TEST_CASE("conditions: a way's extra latency is paid as often as the path's, at least once, and never below zero") {
  struct Row {
    double extra;
    std::uint32_t rounds;
    double latency;
  };
  for (const Row& row : {Row{2 * ms, 1, 3 * ms}, Row{2 * ms, 7, 21 * ms}, Row{2 * ms, 0, 2 * ms},
                         Row{-0.5 * ms, 4, 2 * ms}, Row{-5 * ms, 3, 0}, Row{-5 * ms, 0, 0}}) {
    CAPTURE(row.extra);
    CAPTURE(row.rounds);
    Given given;
    given.extra = row.extra;
    check_all(ends(flow_alone(wires.late, mb, row.rounds), given), {row.latency + 1 * ms, 1e6, 0, 0, 0, 1});
  }
  Given more;
  more.extra = 2 * ms;
  check_all(ends(flow_alone(wires.path, 0), more), {2 * ms, 0, 0, 0, 0, 1});   // of nothing: asked, and pays
  check_all(ends(flow_alone(wires.nothing, 5), more), {0, 0, 0, 0, 0, 0});     // over nothing: not asked
  check_all(replayed({{wires.path, mb, 4 * ms}}, more), {3 * ms, 1e6, 0, 0});  // and a source's takes 7 ms
  Given less;
  less.extra = -9 * ms;
  const Times source = in_child([&] {
    Replayer replayer(wires.n);
    replayer.set_conditions(&less);
    const GivenFlows flows{{wires.path, mb, 4 * ms}};
    GivenSource given(flows);
    Times numbers;
    append(numbers, replayer.replay(given));
    return numbers;
  });
  check_all(source, {1 * ms, 1, 1, 1e6, 0, 0});
}

TEST_CASE("conditions: on another way a flow pays what is above its most so far, and gets none back") {
  // 1 ms of latency and 0.5 MB; at 2 ms the second way, 3 ms longer: 0.5 MB from 4.5 ms on; at 5 ms a shorter one.
  const std::vector<Given::Change> changes{{1.5 * ms, wires.fast, 0}, {5 * ms, wires.half, 0}};
  Given given(changes);
  given.extra = 0;
  given.ways = {{wires.second, Seconds(3 * ms)}, {wires.third, Seconds(1 * ms)}};
  check_all(ends(flow_alone(wires.late, mb), given), {(5 + 0.25 / 0.25) * ms, 0.5e6, 0.25e6, 0.25e6, 2, 3});
  // A source's flow does not stop, and is 3 ms longer on its way to its arrival.
  Given source(changes);
  source.ways = given.ways;
  const Times numbers = in_child([&] {
    Replayer replayer(wires.n);
    replayer.set_conditions(&source);
    const GivenFlows flows{{wires.path, 4 * mb, 7 * ms}};
    GivenSource flow(flows);
    Times out;
    append(out, replayer.replay(flow));
    return out;
  });
  // 1.5 MB, 1.75 MB in 3.5 ms, and 0.75 MB at 0.25 in 3 ms.
  check_all(numbers, {(1.5 + 3.5 + 3 + 7 + 3) * ms, 1, 1, 1.5e6, 1.75e6, 0.75e6});
}

TEST_CASE("conditions: a flow that pays its latency asks again as it enters, if its way is down then") {
  const Schedule waits = flow_alone(wires.late, mb, 5);
  Given down({{1 * ms, wires.fast, 0}});
  check_all(ends(waits, down), {7 * ms, 0, 1e6, 0, 1, 2});
  Given again({{1 * ms, wires.fast, 0}, {3 * ms, wires.fast, 2e9}});
  check_all(ends(waits, again), {5.5 * ms, 1e6, 0, 0, 2, 1});
  Given at_entry({{5 * ms, wires.fast, 0}});
  check_all(ends(waits, at_entry), {7 * ms, 0, 1e6, 0, 1, 2});
  // The new way's latency is 1 ms longer for each of five rounds; meanwhile it goes down itself.
  Given longer({{1 * ms, wires.fast, 0}, {7 * ms, wires.half, 0}});
  longer.ways[0].extra = longer.ways[1].extra = Seconds(1 * ms);
  check_all(ends(waits, longer), {14 * ms, 0, 0, 1e6, 2, 3});
}

TEST_CASE("conditions: dates behind the end do not come, and nothing waits for them") {
  Given given({{2 * ms, wires.fast, 0.5e9}, {1e6, wires.fast, 0}});
  check_all(ends(flow_alone(wires.path, 3 * mb), given), {4 * ms, 3e6, 0, 0, 1, 1});
  check_all(ends(ScheduleBuilder(1).build(), given), {0, 0, 0, 0, 0});
}

/// The least loaded of the fast link and one as fast beside it.
class Adaptive : public Given {
 public:
  Adaptive(PathId first, PathId second) : paths_{first, second} {}
  Way way(PathId /*path*/, const Load& load) override {
    loads_.push_back(load(wires.fast));
    loads_.push_back(load(wires.half));
    return {loads_[loads_.size() - 1] < loads_[loads_.size() - 2] ? paths_[1] : paths_[0], Seconds()};
  }
  [[nodiscard]] const Times& loads() const { return loads_; }

 private:
  PathId paths_[2];
  Times loads_;
};

TEST_CASE("conditions: ways by load") {
  for (const PathId path : {wires.path, wires.late}) {  // also of flows that still pay their latency
    Adaptive adaptive(path, wires.second);
    // 2 MB each: two on the fast link in 4 ms, two on the half one in 8 ms.
    const GivenFlows four(4, {path, 2 * mb});
    check_all(replayed(four, adaptive), {4 * ms, 8 * ms, 4 * ms, 8 * ms, 4e6, 4e6, 0});
    ScheduleBuilder b(2);
    for (int i = 0; i < 4; ++i) b.add_flow({}, Kind::other, Rank{0}, Rank{1}, Bytes(2 * mb), path);
    const double latency = wires.n.latency(path).value();
    Times seen = ends(b.build(), adaptive);
    seen.resize(4);
    check_all(seen, {4 * ms + latency, 8 * ms + latency, 4 * ms + latency, 8 * ms + latency});
  }
}

TEST_CASE("conditions: the load is of flows under way, each as often as it crosses the link") {
  // The first crosses both links, the fast one twice; it has left when the fourth starts, and the third has not.
  const Times loads = in_child([] {
    Replayer replayer(wires.n);
    const PathId twice = replayer.add_path({{wires.fast, 2}, {wires.half}}, Seconds(0));
    Adaptive adaptive(twice, wires.second);
    replayer.set_conditions(&adaptive);
    ScheduleBuilder b(2);
    const auto flow = [&](std::int64_t bytes) {
      return b.add_flow({}, Kind::other, Rank{0}, Rank{1}, Bytes(bytes), wires.path);
    };
    const OpId first = flow(mb);
    flow(9 * mb), flow(9 * mb);
    b.add_edge(first, flow(mb));
    replayer.replay(b.build());
    return adaptive.loads();
  });
  CHECK(loads == Times{0, 0, 2, 1, 2, 2, 2, 2});
}

/// Who asks, and how many are on the fast link then and on the second.
class Witness : public Given {
 public:
  using Given::Given;
  Way way(PathId path, const Load& load) override {
    seen.push_back(static_cast<double>(index(path)));
    seen.push_back(load(wires.fast));
    seen.push_back(load(wires.half));
    return {came() > 0 ? wires.second : path, Seconds()};
  }
  Times seen;
};

TEST_CASE("conditions: flows that are cut ask in the order in which they started, when all of them are off") {
  constexpr std::uint32_t count = 9;
  const Times seen = in_child([] {
    Replayer replayer(wires.n);
    Witness witness({{50 * ms, wires.fast, 0}});
    replayer.set_conditions(&witness);
    ScheduleBuilder b(2);  // the last op starts first, each a ms behind the one before, each on a path of its own
    for (std::uint32_t i = 0; i < count; ++i) {
      const PathId path = replayer.add_path({{wires.fast}}, Seconds(0));
      const OpId wait = b.add_compute({}, Kind::other, no_lane, Seconds(ms * (count - i)));
      b.add_edge(wait, b.add_flow({}, Kind::other, Rank{0}, Rank{1}, Bytes(900 * mb), path));
    }
    replayer.replay(b.build());
    return Times(witness.seen.end() - 3 * count, witness.seen.end());
  });
  const auto first = static_cast<std::uint32_t>(wires.n.path_count());
  for (std::uint32_t i = 0; i < count; ++i) {
    CAPTURE(i);
    CHECK(seen[3 * i] == first + count - 1 - i);
    CHECK(seen[3 * i + 1] == 0);
    CHECK(seen[3 * i + 2] == i);
  }
}

TEST_CASE("conditions: latency that was paid once is not paid again on a third way") {
  // 3 ms longer on the second way, which is paid at once; 1 on the third; again the second's 3, which are paid.
  Given given({{1 * ms, wires.fast, 0}, {6 * ms, wires.half, 0}, {7 * ms, wires.half, 0.5e9}, {8 * ms, wires.slow, 0}});
  given.ways = {{wires.second, Seconds(3 * ms)}, {wires.third, Seconds(1 * ms)}};
  // 1 MB, from 4 ms on 1 MB, from 6 ms on 0.5 MB, from 8 ms on 0.5 MB.
  check_all(ends(flow_alone(wires.path, 3 * mb), given), {9 * ms, 1e6, 1.5e6, 0.5e6, 4, 4});
}

/// What comes out, and what the next replay says.
std::string cut_off(const GivenFlows& flows, bool as_source, Conditions& conditions) {
  return in_child([&]() -> std::string {
    Replayer replayer(wires.n);
    replayer.set_conditions(&conditions);
    std::string said;
    try {
      GivenSource source(flows);
      if (as_source)
        replayer.replay(source);
      else
        replayer.replay(schedule_of(flows));
      return "replayed";
    } catch (const CutOff& e) {
      said = e.what();
    } catch (const std::logic_error& e) {
      return e.what();
    }
    replayer.set_conditions(nullptr);
    try {
      replayer.replay(flow_alone(wires.path, 1));
    } catch (const std::logic_error& e) {
      return said + ": " + e.what();
    }
    return said + ", and replayed again";
  });
}

TEST_CASE("conditions: a flow that is cut off ends the replay, and all after it") {
  const GivenFlow first{wires.path, mb};
  GivenFlow behind{wires.second, mb};
  behind.left = {0};
  for (const bool as_source : {false, true}) {
    CAPTURE(as_source);
    Given at_date({{0.5 * ms, wires.fast, 0}}), at_end({{0.5 * ms, wires.half, 0}});
    at_date.ways.clear(), at_end.ways.clear();
    for (Given* given : {&at_date, &at_end})
      CHECK(cut_off({first, behind}, as_source, *given) ==
            "no way: an exception ended a replay: its flows are still under way");
    CHECK(cut_off({first, first}, as_source, at_end) == "replayed");
  }
}

TEST_CASE("conditions: flows that an exception leaves under way are let go without a word") {
  CHECK(in_child([]() -> std::string {
          std::FILE* heard = std::tmpfile();
          ::dup2(::fileno(heard), STDERR_FILENO);
          Given down({{0.5 * ms, wires.fast, 0}});
          down.ways.clear();
          auto replayer = std::make_unique<Replayer>(wires.n);
          replayer->set_conditions(&down);
          const GivenFlows flows{{wires.path, mb}, {wires.second, mb}};
          try {
            replayer->replay(schedule_of(flows));
          } catch (const CutOff&) {
            replayer.reset();
            std::fflush(stderr);
            return ::lseek(STDERR_FILENO, 0, SEEK_END) == 0 ? "silent" : "something said";
          }
          return "replayed";
        }) == "silent");
}

TEST_CASE("conditions: ways and links that are not there, and ways that are down, are faults") {
  class Unknown : public Given {
    Way way(PathId path, const Load& load) override { return {path, Seconds(load(LinkId{3}))}; }
  } load;
  class Elsewhere : public Given {
    Way way(PathId /*path*/, const Load& /*load*/) override { return {PathId{99}, Seconds()}; }
  } elsewhere;
  class Stubborn : public Given {
   public:
    using Given::Given;
    Way way(PathId path, const Load& /*load*/) override { return {path, Seconds()}; }
  } stubborn({{0.5 * ms, wires.fast, 0}});
  Given link({{0.5 * ms, LinkId{3}, 0}});
  for (const bool as_source : {false, true}) {
    CAPTURE(as_source);
    const GivenFlows flows{{wires.path, mb}};
    CHECK(cut_off(flows, as_source, load) == "conditions name a link that the network lacks");
    CHECK(cut_off(flows, as_source, link) == "conditions name a link that the network lacks");
    CHECK(cut_off(flows, as_source, elsewhere) == "conditions give a way that is not there");
    CHECK(cut_off(flows, as_source, stubborn) == "conditions give a way over a link that is down");
  }
}

}  // namespace
}  // namespace rehearse
