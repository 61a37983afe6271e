// Flows that share links: the engine against the closed forms of max-min fair sharing. B is a link's bandwidth, L its
// latency, S a flow's bytes; all within 1e-9, and from both sides.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/support/relative.hpp"
#include "tests/support/replayed.hpp"

namespace rehearse {
namespace {

constexpr double giga = 1e9;

struct Sent {
  PathId path;
  double bytes = 0;
  std::uint32_t rounds = 1;
};

// When each of the flows ends, all ready at time 0.
std::vector<double> ends(const Network& network, const std::vector<Sent>& flows) {
  ScheduleBuilder b(2);
  for (const Sent& f : flows)
    b.add_flow({}, Kind::other, Rank{0}, Rank{1}, Bytes(static_cast<std::int64_t>(f.bytes)), f.path, {}, f.rounds);
  std::vector<double> out;
  for (Seconds s : testing::replay(network, b.build()).end) out.push_back(s.value());
  return out;
}

LinkId add_link(Network& n, double bandwidth, double latency = 0) {
  return n.add_link({"link", BytesPerSecond(bandwidth), Seconds(latency)});
}

void check(const std::vector<double>& found, const std::vector<double>& expected) {
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    CAPTURE(i);
    CHECK(found[i] == testing::relative(expected[i], 1e-9));
  }
}

TEST_CASE("max-min: two equal flows on one link") {  // S / (B/2) each
  Network n;
  const PathId p = n.add_path({{add_link(n, giga)}});
  check(ends(n, {{p, 3e6}, {p, 3e6}}), {6e-3, 6e-3});
}

TEST_CASE("max-min: two unequal flows on one link") {
  // Both at B/2 until the smaller ends at 2 s/B; the larger has then sent s and goes on at B: (s + S)/B.
  Network n;
  const PathId p = n.add_path({{add_link(n, giga)}});
  check(ends(n, {{p, 5e6}, {p, 2e6}}), {7e-3, 4e-3});
}

TEST_CASE("max-min: flows into one link end in order of size") {
  // With sizes s1 <= s2 <= ... the k-th ends at (s1 + ... + s(k-1) + (n - k + 1) sk) / B.
  Network n;
  const PathId p = n.add_path({{add_link(n, giga)}});
  check(ends(n, {{p, 1e6}, {p, 2e6}, {p, 4e6}}), {3e-3, 5e-3, 7e-3});
  std::vector<Sent> flows;
  std::vector<double> expected;
  double sum = 0;
  for (int k = 1; k <= 40; ++k) {
    const double size = 1e5 * k * k;
    flows.push_back({p, size});
    expected.push_back((sum + (40 - k + 1) * size) / giga);
    sum += size;
  }
  check(ends(n, flows), expected);
}

TEST_CASE("max-min: an incast from ports of their own is the receiver's link") {
  Network n;
  const LinkId down = add_link(n, giga);
  std::vector<Sent> flows;
  for (int i = 0; i < 30; ++i) flows.push_back({n.add_path({{add_link(n, giga)}, {down}}), 1e6});
  check(ends(n, flows), std::vector<double>(30, 30e-3));
}

TEST_CASE("max-min: a link that a flow crosses k times gives it a k-th") {
  Network n;
  const LinkId link = add_link(n, giga);
  const PathId once = n.add_path({{link}}), twice = n.add_path({{link, 2}}), five = n.add_path({{link, 5}});
  check(ends(n, {{twice, 1e6}}), {2e-3});
  check(ends(n, {{five, 1e6}}), {5e-3});
  // Rates are equal, consumptions not: r + 2 r = B. Both end at 3 S/B.
  check(ends(n, {{once, 1e6}, {twice, 1e6}}), {3e-3, 3e-3});
  // r = B/8 until the smaller, crossing once, ends at 8 s/B; the larger crosses twice, the last five times.
  // Then 2 r + 5 r = B for the other two: s done of 2 s, so at 8 s/B + 7 s/B both end.
  check(ends(n, {{once, 1e6}, {twice, 2e6}, {five, 2e6}}), {8e-3, 15e-3, 15e-3});
  const Timeline t = [&] {
    ScheduleBuilder b(2);
    b.add_flow({}, Kind::other, Rank{0}, Rank{1}, Bytes(1000), five);
    return testing::replay(n, b.build());
  }();
  CHECK(t.link_bytes == std::vector<double>{5000});
}

TEST_CASE("max-min: a very small share is a share") {
  // A folded flow crosses a link of B k times and is held to a little less than its share there, (1 - 1e-6) B / (k +
  // 1), by a link of its own: the other gets all the rest, about 6e-6 of B.
  constexpr double k = 200'000, held = giga / (k + 1) * (1 - 1e-6), rest = giga - k * held;
  Network n;
  const LinkId shared = add_link(n, giga), own = add_link(n, held);
  const PathId folded = n.add_path({{shared, 200'000}, {own}}), one = n.add_path({{shared}});
  check(ends(n, {{folded, 1e6}, {one, 1e5}}), {1e6 / held, 1e5 / rest});
}

TEST_CASE("max-min: a chain of links goes at the pace of its slowest") {
  Network n;
  const LinkId a = add_link(n, 4 * giga, 1e-6), b = add_link(n, giga, 2e-6), c = add_link(n, 2 * giga, 4e-6);
  const PathId all = n.add_path({{a}, {b}, {c}}), ends_only = n.add_path({{a}, {c}});
  check(ends(n, {{all, 8e6}}), {8e-3 + 7e-6});
  check(ends(n, {{ends_only, 8e6}}), {4e-3 + 5e-6});
  // Alone on b the long one has 1 GB/s; c holds both: 1 GB/s each, and a is not full.
  Network m;
  const LinkId x = add_link(m, 4 * giga), y = add_link(m, giga), z = add_link(m, 2 * giga);
  check(ends(m, {{m.add_path({{x}, {y}, {z}}), 8e6}, {m.add_path({{x}, {z}}), 8e6}}), {8e-3, 8e-3});
}

TEST_CASE("max-min: what a flow cannot use, another gets") {
  // Links of B and 3 B; flow 0 crosses both, 1 only the narrow, 2 only the wide one. The narrow link fills first:
  // 0 and 1 at B/2; 2 gets 3 B - B/2 = 5/2 B. With S = 5 MB: 2 ends at 2 ms, 0 and 1 at 10 ms.
  Network n;
  const LinkId narrow = add_link(n, giga), wide = add_link(n, 3 * giga);
  const PathId both = n.add_path({{narrow}, {wide}});
  check(ends(n, {{both, 5e6}, {n.add_path({{narrow}}), 5e6}, {n.add_path({{wide}}), 5e6}}), {10e-3, 10e-3, 2e-3});
}

TEST_CASE("max-min: the parking lot") {
  // k links in a row, one flow over all of them and one over each: all at B/2, so all end at 2 S/B.
  for (const int k : {1, 2, 5, 16}) {
    CAPTURE(k);
    Network n;
    std::vector<Hop> all;
    std::vector<Sent> flows;
    for (int i = 0; i < k; ++i) {
      all.push_back({add_link(n, giga)});
      flows.push_back({n.add_path({all.back()}), 1e6});
    }
    flows.push_back({n.add_path(all), 1e6});
    check(ends(n, flows), std::vector<double>(flows.size(), 2e-3));
  }
}

TEST_CASE("max-min: latency delays a flow but does not change its share") {
  // Both share a link of B behind links of their own, with latencies 1 ms and 1 us (or paid 1000 times). The near one
  // is alone from 1 us to 1 ms; from then on both have B/2, however unequal the latencies.
  Network n;
  const LinkId shared = add_link(n, giga);
  const LinkId near = add_link(n, 100 * giga, 1e-6), far = add_link(n, 100 * giga, 1e-3);
  const PathId from_near = n.add_path({{near}, {shared}}), from_far = n.add_path({{far}, {shared}});
  const double head_start = 1e-3 - 1e-6;                   // s in which the near one sends head_start * B
  const double near_end = 1e-3 + 2 * (4e-3 - head_start);  // the rest of its 4 MB at B/2
  const double total_end = 1e-6 + 8e-3;                    // the shared link never idles
  check(ends(n, {{from_near, 4e6}, {from_far, 4e6}}), {near_end, total_end});
  const PathId same = n.add_path({{near}, {shared}});
  check(ends(n, {{same, 4e6}, {from_near, 4e6, 1000}}), {near_end, total_end});
  // And for long: 50 MB each, 1 us against 100 us.
  Network m;
  const LinkId narrow = add_link(m, giga);
  const PathId quick = m.add_path({{add_link(m, 100 * giga, 1e-6)}, {narrow}});
  const PathId slow = m.add_path({{add_link(m, 100 * giga, 1e-4)}, {narrow}});
  check(ends(m, {{quick, 50e6}, {slow, 50e6}}), {1e-4 + 2 * (50e-3 - 99e-6), 1e-6 + 100e-3});
}

TEST_CASE("max-min: a flow that comes later takes its half at once") {
  // 10 MB from 0; 2 MB more after a compute of 4 ms: the first sends 4 MB alone, both 2 MB in 4 ms, then 4 MB alone.
  Network n;
  const PathId p = n.add_path({{add_link(n, giga)}});
  ScheduleBuilder b(2);
  b.add_flow({}, Kind::other, Rank{0}, Rank{1}, Bytes(10'000'000), p);
  const OpId wait = b.add_compute({}, Kind::other, no_lane, Seconds(4e-3));
  const OpId later = b.add_flow({}, Kind::other, Rank{0}, Rank{1}, Bytes(2'000'000), p);
  b.add_edge(wait, later);
  const Timeline t = testing::replay(n, b.build());
  check({t.end[0].value(), t.end[2].value()}, {12e-3, 8e-3});
}

}  // namespace
}  // namespace rehearse
