// Rings and tori: exchanges whose times follow from how often each cable is crossed. S bytes a message, B a cable's
// bandwidth one way, L its latency.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "tests/support/closed_forms.hpp"
#include "tests/support/relative.hpp"
#include "workloads/collectives/collective.hpp"

namespace rehearse {
namespace {

using testing::Fabric;

constexpr double S = 3e6, tolerance = 1e-9;

struct Message {
  std::uint32_t from = 0, to = 0;
  double expected = 0;
};

void check(const std::string& topology, std::uint32_t endpoints, double bandwidth, double latency,
           const std::vector<Message>& messages) {
  CAPTURE(topology);
  CAPTURE(endpoints);
  const Fabric fabric = testing::fabric_of(testing::topology_of(topology, endpoints, bandwidth, latency));
  ScheduleBuilder b(endpoints);
  for (const Message& m : messages)
    b.add_flow({}, Kind::other, Rank{m.from}, Rank{m.to}, Bytes(static_cast<std::int64_t>(S)),
               fabric.path(m.from, m.to));
  const Timeline t = testing::replay(fabric.network, b.build());
  std::size_t wrong = 0, first_wrong = 0;
  for (std::size_t i = messages.size(); i-- > 0;)
    if (std::abs(t.end[i].value() - messages[i].expected) > tolerance * messages[i].expected) ++wrong, first_wrong = i;
  CHECK(wrong == 0);
  CHECK(t.end[first_wrong].value() == testing::relative(messages[first_wrong].expected, tolerance));
}

struct Dimension {
  std::uint32_t size = 0;
  double bandwidth = 0, latency = 0;  // of its cables
  // A neighbour exchange. More than two: either neighbour is at the other end of a cable of its own, which carries one
  // message each way: S/B + L. Two: both neighbours are the same one, and its one cable carries two messages each way:
  // 2 S/B + L. One: both are the endpoint itself, at no cost.
  [[nodiscard]] double exchange() const { return size == 1 ? 0 : (size == 2 ? 2 : 1) * S / bandwidth + latency; }
};

// Every endpoint sends to the next and to the previous in every dimension.
std::vector<Message> neighbour_exchange(const std::vector<Dimension>& dimensions, std::uint32_t endpoints) {
  std::vector<Message> messages;
  for (std::uint32_t v = 0; v < endpoints; ++v) {
    std::uint32_t stride = 1;
    for (const Dimension& d : dimensions) {
      const std::uint32_t at = v / stride % d.size, base = v - at * stride;
      for (const std::uint32_t step : {1u, d.size - 1})
        messages.push_back({v, base + (at + step) % d.size * stride, d.exchange()});
      stride *= d.size;
    }
  }
  return messages;
}

TEST_CASE("torus: neighbour exchange on a ring") {
  for (const std::uint32_t n : {2u, 3u, 4u, 5u, 8u, 17u, 64u}) {
    const auto messages = neighbour_exchange({{n, 50e9, 500e-9}}, n);
    check("{topology: ring}", n, 50e9, 500e-9, messages);
    check("{topology: torus, dimensions: [" + std::to_string(n) + "]}", n, 50e9, 500e-9, messages);
  }
}

TEST_CASE("torus: neighbour exchange in two, three and more dimensions, odd sizes, and sizes of two and one") {
  using Sizes = std::vector<std::uint32_t>;
  for (const Sizes& sizes : {Sizes{4, 4}, Sizes{3, 5}, Sizes{7, 3}, Sizes{2, 4}, Sizes{5, 2}, Sizes{2, 2}, Sizes{1, 6},
                             Sizes{4, 4, 4}, Sizes{3, 3, 3}, Sizes{5, 4, 3}, Sizes{2, 3, 5}, Sizes{4, 2, 2},
                             Sizes{2, 2, 2}, Sizes{3, 1, 2}, Sizes{3, 2, 4, 3}}) {
    std::vector<Dimension> alike, unlike;
    std::string list, bandwidths, latencies;
    std::uint32_t endpoints = 1;
    for (const std::uint32_t size : sizes) {
      const auto k = static_cast<int>(alike.size()) + 1;
      alike.push_back({size, 50e9, 500e-9});
      unlike.push_back({size, 10e9 * k, 1e-6 / k});
      const std::string comma = list.empty() ? "" : ", ";
      list += comma + std::to_string(size);
      bandwidths += comma + std::to_string(10 * k) + " GB/s";
      latencies += comma + std::to_string(1.0 / k) + " us";
      unlike.back().latency = std::stod(std::to_string(1.0 / k)) * 1e-6;  // as written
      endpoints *= size;
    }
    const std::string torus = "{topology: torus, dimensions: [" + list + "]";
    check(torus + "}", endpoints, 50e9, 500e-9, neighbour_exchange(alike, endpoints));
    check(torus + ", bandwidth: [" + bandwidths + "], latency: [" + latencies + "]}", endpoints, 1e9, 1e-3,
          neighbour_exchange(unlike, endpoints));
  }
}

TEST_CASE("torus: a shift by k crosses each cable of a ring k times") {
  // The shorter way round, k of n places: each link on that way carries k messages, all alike: k S/B + k L.
  for (const std::uint32_t n : {5u, 8u, 13u})
    for (std::uint32_t k = 1; k < n; ++k) {
      const std::uint32_t hops = std::min(k, n - k);
      std::vector<Message> messages;
      for (std::uint32_t v = 0; v < n; ++v) messages.push_back({v, (v + k) % n, hops * (S / 50e9 + 500e-9)});
      check("{topology: ring}", n, 50e9, 500e-9, messages);
    }
}

TEST_CASE("torus: all to all on a ring without latency") {
  // With m the longest distance of a way round, a link of that way carries sum of k for k = 1..m messages, and every
  // message meets only such links: all end at m (m + 1) / 2 S/B. m = floor(n/2) clockwise (ties go there),
  // floor((n-1)/2) anticlockwise.
  for (const std::uint32_t n : {2u, 3u, 4u, 7u, 8u, 11u}) {
    std::vector<Message> messages;
    for (std::uint32_t v = 0; v < n; ++v)
      for (std::uint32_t k = 1; k < n; ++k) {
        const std::uint32_t m = 2 * k <= n ? n / 2 : (n - 1) / 2;
        messages.push_back({v, (v + k) % n, m * (m + 1) / 2 * S / 50e9});
      }
    check("{topology: ring}", n, 50e9, 0, messages);
  }
}

// Rings along rows, columns and rows again use the cables of one dimension at a time, one way:
// 2 (C-1) (L + S/(C B)) + 2 (R-1) (L + S/(R C B)), with S bytes on each endpoint (Mikami et al. 2018).
TEST_CASE("torus: an all_reduce by dimension") {
  constexpr double bandwidth = 50e9, latency = 500e-9, bytes = 3 * 5 * 7 * 4 * 64e3;
  for (const auto& [columns, rows] : {std::pair{4U, 3U}, {3U, 5U}, {7U, 4U}, {4U, 4U}}) {
    CAPTURE(columns);
    CAPTURE(rows);
    const testing::Fabric fabric = testing::fabric_of(testing::topology_of(
        "{topology: torus, dimensions: [" + std::to_string(columns) + ", " + std::to_string(rows) + "]}",
        columns * rows, bandwidth, latency));
    const CollectiveRow& row = *collective_table(CollectiveOp::all_reduce).find("torus_2d");
    CollectiveOptions options;
    options.rows = rows;
    const Pattern pattern = build_collective(row, columns * rows, static_cast<std::int64_t>(bytes), options);
    const double c = columns, r = rows;
    const double expected =
        2 * (c - 1) * (latency + bytes / c / bandwidth) + 2 * (r - 1) * (latency + bytes / (r * c) / bandwidth);
    CHECK(testing::collective_seconds(fabric, {{pattern, false, 1}}).front() == testing::relative(expected, 1e-6));
  }
}

}  // namespace
}  // namespace rehearse
