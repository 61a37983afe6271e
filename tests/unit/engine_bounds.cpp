// Lower bounds of a schedule on a network, by hand.
#include <doctest/doctest.h>

#include "engine/timeline.hpp"
#include "tests/support/relative.hpp"

namespace rehearse {
namespace {

// Two links of 1 and 4 GB/s, 1 us each; paths over the slow one, both, none, and the fast one three times.
struct Wires {
  Network n;
  LinkId slow = n.add_link({"slow", BytesPerSecond(1e9), Seconds(1e-6)});
  LinkId fast = n.add_link({"fast", BytesPerSecond(4e9), Seconds(1e-6)});
  PathId over_slow = n.add_path({{slow}}), both = n.add_path({{slow}, {fast}}), nothing = n.add_path({}),
         thrice = n.add_path({{fast, 3}});
};

constexpr Bytes gigabyte(1'000'000'000);

double approx(Seconds s) { return s.value(); }
doctest::Approx is(double value) { return testing::relative(value, 1e-14); }

TEST_CASE("bounds: nothing takes no time") {
  const Wires w;
  const Bounds b = lower_bounds(ScheduleBuilder(0).build(), w.n);
  CHECK(b.critical_path == Seconds(0));
  CHECK(b.busiest_link == Seconds(0));
  CHECK(b.busiest_link_name.empty());
  CHECK(b.busiest_lane == Seconds(0));
  CHECK(bytes_by_link(ScheduleBuilder(0).build(), w.n) == std::vector<double>{0, 0});
  CHECK(bytes_by_link(ScheduleBuilder(0).build(), Network()).empty());
}

TEST_CASE("bounds: the critical path is the longest chain, each op alone") {
  const Wires w;
  ScheduleBuilder b(2);
  const LaneId lane = b.add_lane(Rank{0}, "compute");
  const OpId first = b.add_compute({}, Kind::forward, lane, Seconds(1));
  const OpId send = b.add_flow({}, Kind::other, Rank{0}, Rank{1}, gigabyte, w.both, {}, 5);  // 1 s + 5 * 2 us
  const OpId folded = b.add_flow({}, Kind::other, Rank{0}, Rank{1}, gigabyte, w.thrice);     // 0.75 s + 1 us
  const OpId join = b.add_join();
  const OpId local = b.add_flow({}, Kind::other, Rank{0}, Rank{0}, gigabyte, w.nothing);  // no time
  const OpId last = b.add_compute({}, Kind::forward, no_lane, Seconds(0.5));
  b.add_edge(first, send);
  b.add_edge(first, folded);
  b.add_edge(send, join);
  b.add_edge(folded, join);
  b.add_edge(join, local);
  b.add_edge(local, last);
  CHECK(approx(lower_bounds(b.build(), w.n).critical_path) == is(1 + 1.00001 + 0.5));
}

TEST_CASE("bounds: flows and loads count on their links, as often as they cross them") {
  const Wires w;
  ScheduleBuilder b(2);
  const Load loads[] = {{w.both, gigabyte}, {w.thrice, gigabyte}};
  const std::uint32_t group = b.add_loads(loads);
  b.add_compute({}, Kind::data_comm, no_lane, Seconds(3), {}, no_index, group);
  b.add_compute({}, Kind::data_comm, no_lane, Seconds(3), {}, no_index, group);  // the loads of each op count
  b.add_flow({}, Kind::other, Rank{0}, Rank{1}, gigabyte, w.over_slow);
  b.add_flow({}, Kind::other, Rank{0}, Rank{1}, gigabyte, w.thrice, {}, 7);  // rounds are latencies, not bytes
  b.add_flow({}, Kind::other, Rank{0}, Rank{0}, gigabyte, w.nothing);
  const Schedule s = b.build();
  CHECK(bytes_by_link(s, w.n) == std::vector<double>{3e9, 2 * 4e9 + 3e9});
  const Bounds bounds = lower_bounds(s, w.n);
  CHECK(approx(bounds.busiest_link) == is(3));  // the fast one: 11 GB at 4 GB/s
  CHECK(bounds.busiest_link_name == "slow");
}

TEST_CASE("bounds: the busiest lane is the one with most to do; what runs beside lanes does not count") {
  const Wires w;
  ScheduleBuilder b(2);
  const LaneId a = b.add_lane(Rank{0}, "compute"), c = b.add_lane(Rank{1}, "compute");
  for (int i = 0; i < 3; ++i) {
    b.add_compute({}, Kind::forward, a, Seconds(1));
    b.add_compute({}, Kind::forward, c, Seconds(1.5));
    b.add_compute({}, Kind::forward, no_lane, Seconds(2));
  }
  const Bounds bounds = lower_bounds(b.build(), w.n);
  CHECK(approx(bounds.busiest_lane) == is(4.5));
  CHECK(approx(bounds.critical_path) == is(2));
  CHECK(bounds.busiest_link == Seconds(0));
}

}  // namespace
}  // namespace rehearse
