// Rings step by step and the latency that their long messages pay, where there are closed forms.
#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

#include "tests/support/relative.hpp"
#include "workloads/merged_latency.hpp"
#include "workloads/ring_steps.hpp"

namespace rehearse {
namespace {

struct Step {
  double busy = 0, latency = 0;
};

/// One ring of wires with a link each (numbered from `first_link`), behind wires that are there already.
void add_ring(const std::vector<Step>& steps, std::uint32_t first_link, std::vector<RingWire>& wires) {
  const auto first = static_cast<std::uint32_t>(wires.size()), n = static_cast<std::uint32_t>(steps.size());
  for (std::uint32_t i = 0; i < n; ++i)
    wires.push_back(
        {first + (i + n - 1) % n, Seconds(steps[i].latency), {{LinkId{first_link + i}, Seconds(steps[i].busy)}}});
}

/// The time at which all has arrived.
double time_of(const std::vector<RingWire>& wires, std::uint32_t steps) {
  const auto arrivals = ring_arrivals(wires, steps);
  REQUIRE(arrivals.has_value());
  REQUIRE(arrivals->size() == wires.size());
  return std::ranges::max(*arrivals).value();
}

/// 1/1024 is what chunks' times are told apart by; these have few bits, so nothing is lost.
constexpr double t = 0x1p-20, l = 0x3p-20;

TEST_CASE("ring steps: wires that are alike take busy and latency each step") {
  for (const std::uint32_t n : {2U, 3U, 8U, 1000U}) {
    std::vector<RingWire> wires;
    add_ring(std::vector<Step>(n, {t, l}), 0, wires);
    CHECK(time_of(wires, 2 * n) == testing::relative(2 * n * (t + l), 1e-9));
  }
}

TEST_CASE("ring steps: a slow wire that is never idle hides all latencies but its last") {
  std::vector<Step> steps(8, {t, l});
  steps[3].busy = 64 * t;  // more than the way round of the others
  std::vector<RingWire> wires;
  add_ring(steps, 0, wires);
  CHECK(time_of(wires, 14) == testing::relative(14 * 64 * t + l, 1e-9));
}

TEST_CASE("ring steps: with little to send the way round is what counts") {
  std::vector<Step> steps(8, {t, l});
  steps[3].latency = 9 * l;
  std::vector<RingWire> wires;
  add_ring(steps, 0, wires);
  // After a round every chunk has paid every wire once.
  CHECK(time_of(wires, 8) == testing::relative(8 * t + 16 * l, 1e-9));
  CHECK(time_of(wires, 24) == testing::relative(24 * t + 48 * l, 1e-9));
}

TEST_CASE("ring steps: rings in step share a link in every step") {
  std::vector<RingWire> wires;
  add_ring(std::vector<Step>(4, {t, l}), 0, wires);
  add_ring(std::vector<Step>(4, {t, l}), 0, wires);
  CHECK(time_of(wires, 6) == testing::relative(6 * (2 * t + l), 1e-9));
}

TEST_CASE("ring steps: rings out of step do not meet where there is time") {
  // Wire i of the second ring is on the link of wire i + 1 of the first, and both rings have one slow way.
  std::vector<Step> steps(4, {t, 8 * l});
  std::vector<RingWire> wires;
  add_ring(steps, 0, wires);
  const double alone = time_of(wires, 64);
  steps[0].latency = 40 * l;
  add_ring(steps, 0, wires);
  CHECK(time_of(wires, 64) < 64 * (2 * t + 40 * l));
  CHECK(time_of(wires, 64) > alone);
}

TEST_CASE("ring steps: what is not replayed goes on at the same pace") {
  // 200 wires that all differ: 64 steps are replayed; one wire is the slowest by far.
  std::vector<Step> steps;
  for (int i = 0; i < 200; ++i) steps.push_back({t * (1 + i / 256.0), 0});
  steps[7].busy = 512 * t;
  std::vector<RingWire> wires;
  add_ring(steps, 0, wires);
  CHECK(time_of(wires, 398) == testing::relative(398 * 512 * t, 1e-3));
}

TEST_CASE("ring steps: nothing where too many wires differ") {
  std::vector<Step> steps;
  for (int i = 0; i < 300; ++i) steps.push_back({t, l * (1 + i / 512.0)});
  std::vector<RingWire> wires;
  add_ring(steps, 0, wires);
  CHECK_FALSE(ring_arrivals(wires, 10).has_value());
}

/// Two rings of four in opposite places on four links: wire i of ring r is on link (i + r) mod 4.
MergedLatencies two_rings(double busy, const std::vector<double>& latencies, std::uint32_t rounds) {
  MergedLatencies merged;
  for (std::uint32_t r = 0; r < 2; ++r)
    for (std::uint32_t i = 0; i < 4; ++i) {
      merged.add(i, (i + 1) % 4, r, rounds, Seconds(latencies[i]));
      merged.cross(LinkId{(i + r) % 4}, Seconds(busy * rounds));
    }
  return merged;
}

TEST_CASE("merged latency: of wires that are alike, that of every step") {
  for (const Seconds paid : two_rings(t, {l, l, l, l}, 6).latencies())
    CHECK(paid.value() == testing::relative(6 * l, 1e-12));
}

TEST_CASE("merged latency: never more than every step's slowest, never less than the own of one step") {
  const std::vector<double> latencies{l, 32 * l, l, l};
  const std::vector<Seconds> paid = two_rings(t, latencies, 60).latencies();
  for (std::size_t m = 0; m < paid.size(); ++m) {
    CHECK(paid[m].value() >= latencies[m % 4]);
    CHECK(paid[m].value() < 60 * 32 * l);
    CHECK(paid[m].value() >= 60 * (35 * l / 4 - t) - 32 * l);  // the mean, less what they may have shared less
  }
}

TEST_CASE("merged latency: hidden where a link is never idle") {
  MergedLatencies merged;
  for (std::uint32_t i = 0; i < 4; ++i) {
    merged.add(i, (i + 1) % 4, 0, 6, Seconds(l));
    merged.cross(LinkId{i}, Seconds(6 * (i == 0 ? 100 * t : t)));
  }
  for (const Seconds paid : merged.latencies()) CHECK(paid.value() == testing::relative(l, 1e-12));
}

}  // namespace
}  // namespace rehearse
