// Where the time of a GPU goes: every moment once, by what counts first.
#include <doctest/doctest.h>

#include "scenarios/breakdown.hpp"

using namespace rehearse;

namespace {

/// A schedule of one lane a rank, with times put in by hand.
class Hand {
 public:
  explicit Hand(std::uint32_t ranks) : builder_(ranks) {
    for (std::uint32_t r = 0; r < ranks; ++r) lanes_.push_back(builder_.add_lane(Rank{r}, "compute"));
  }

  void compute(std::uint32_t rank, Kind kind, double begin, double end) {
    times(begin, end);
    builder_.add_compute(builder_.name("c"), kind, lanes_[rank], Seconds(end - begin));
  }
  /// A collective that this rank takes part in.
  void collective(std::uint32_t rank, Kind kind, double begin, double end) {
    times(begin, begin);
    const OpId opens = builder_.add_join();
    times(end, end);
    const OpId closes = builder_.add_join();
    builder_.add_edge(opens, closes);
    builder_.add_span(
        {.name = builder_.name("s"), .lane = lanes_[rank], .opens = opens, .closes = closes, .kind = kind});
  }
  void flow(Kind kind, std::uint32_t from, std::uint32_t to, double begin, double end) {
    times(begin, end);
    builder_.add_flow(builder_.name("f"), kind, Rank{from}, Rank{to}, Bytes(1), PathId{0});
  }
  /// Of what no lane is busy with: software before a collective.
  void launch(double begin, double end) {
    times(begin, end);
    builder_.add_compute(builder_.name("l"), Kind::tensor_comm, no_lane, Seconds(end - begin));
  }

  std::vector<Breakdown> break_down(double makespan) {
    timeline_.makespan = Seconds(makespan);
    const Schedule schedule = builder_.build();
    return rehearse::break_down(schedule, timeline_,
                                std::vector(schedule.rank_count(), Window{Seconds(0), timeline_.makespan}));
  }

 private:
  void times(double begin, double end) {
    timeline_.begin.push_back(Seconds(begin));
    timeline_.end.push_back(Seconds(end));
  }
  ScheduleBuilder builder_;
  std::vector<LaneId> lanes_;
  Timeline timeline_;
};

void check(const Breakdown& b, double compute, double tensor, double data, double pipeline, double optimizer,
           double bubble) {
  CHECK(b.compute.value() == doctest::Approx(compute));
  CHECK(b.tensor_comm.value() == doctest::Approx(tensor));
  CHECK(b.data_comm.value() == doctest::Approx(data));
  CHECK(b.pipeline_comm.value() == doctest::Approx(pipeline));
  CHECK(b.optimizer.value() == doctest::Approx(optimizer));
  CHECK(b.bubble.value() == doctest::Approx(bubble));
}

}  // namespace

TEST_CASE("breakdown: compute hides communication, tensor before data before pipeline, the rest is bubble") {
  Hand hand(3);
  hand.compute(0, Kind::forward, 0, 2);
  hand.collective(0, Kind::tensor_comm, 1, 3);   // 2 to 3 exposed
  hand.collective(0, Kind::data_comm, 2.5, 4);   // 3 to 4
  hand.flow(Kind::pipeline_comm, 0, 1, 3.5, 5);  // 4 to 5, on both ends
  hand.compute(0, Kind::optimizer, 6, 8);
  hand.compute(0, Kind::recompute, 8, 8.5);
  hand.compute(0, Kind::backward, 8.5, 9);
  hand.flow(Kind::tensor_comm, 0, 2, 4, 6);  // of a collective: its span counts, not its flows
  hand.launch(5, 6);
  const std::vector<Breakdown> b = hand.break_down(10);
  REQUIRE(b.size() == 3);
  check(b[0], 3, 1, 1, 1, 2, 2);
  check(b[1], 0, 0, 0, 1.5, 0, 8.5);
  check(b[2], 0, 0, 0, 0, 0, 10);
}

TEST_CASE("breakdown: the tied embedding counts as data, a gather of activations as pipeline") {
  Hand hand(1);
  hand.collective(0, Kind::embedding_comm, 0, 1);
  hand.collective(0, Kind::pipeline_comm, 1, 3);
  hand.collective(0, Kind::pipeline_comm, 2, 4);  // together with the other: once
  check(hand.break_down(4)[0], 0, 0, 1, 3, 0, 0);
}

TEST_CASE("breakdown: what takes no time counts for nothing") {
  Hand hand(1);
  hand.compute(0, Kind::forward, 1, 1);
  hand.collective(0, Kind::data_comm, 1, 1);
  check(hand.break_down(1)[0], 0, 0, 0, 0, 0, 1);
  CHECK(Hand(1).break_down(0)[0].total() == Seconds(0));
}
