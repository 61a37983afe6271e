// Topologies whose vertices are the endpoints: mesh, twisted torus, hypercube, fully connected.
#include <doctest/doctest.h>

#include <numeric>

#include "tests/support/relative.hpp"
#include "tests/unit/topologies_support.hpp"

namespace rehearse {
namespace {

using testing::build;
using testing::check_routes;
using testing::check_structure;
using testing::contains;
using testing::faults;
using testing::port;
using testing::relative;
using Sizes = std::vector<std::uint32_t>;

std::string list_of(const Sizes& sizes) {
  std::string text;
  for (const std::uint32_t s : sizes) text += (text.empty() ? "[" : ", ") + std::to_string(s);
  return text + "]";
}

std::uint32_t product(const Sizes& sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), 1u, std::multiplies<>());
}

TEST_CASE("mesh: closed forms") {
  for (const Sizes& sizes :
       {Sizes{1}, {2}, {7}, {2, 2}, {3, 4}, {4, 4}, {1, 5, 1}, {2, 3, 4}, {4, 4, 4}, {2, 3, 2, 6}}) {
    const std::uint32_t n = product(sizes);
    const std::string text = list_of(sizes);
    CAPTURE(text);
    const Topology t = build("{topology: mesh, dimensions: " + text + "}", n);
    const TopologyMetrics m = measure(t);
    std::uint32_t cables = 0, least = 0, most = 0, diameter = 0;
    double mean = 0;
    for (const std::uint32_t s : sizes) {
      cables += n / s * (s - 1);
      least += std::min(s - 1, 1u);
      most += std::min(s - 1, 2u);
      diameter += s - 1;
      mean += (s * s - 1.0) / (3.0 * s) * n / (n - 1.0);
    }
    CHECK(m.switches == 0);
    CHECK(m.cables == cables);
    CHECK(m.least_degree == least);
    CHECK(m.most_degree == most);
    CHECK(m.diameter == diameter);
    if (n > 1) CHECK(m.mean_distance == relative(mean, 1e-12));
    if (sizes.back() % 2 == 0 && sizes.back() == *std::max_element(sizes.begin(), sizes.end()))
      CHECK(m.bisection.value() == relative(n / sizes.back() * port, 1e-12));
    check_structure(t, n);
    check_routes(t);
  }
}

TEST_CASE("mesh: bandwidth and latency of each dimension, and no way round") {
  const Topology t =
      build("{topology: mesh, dimensions: [4, 3], bandwidth: [10 GB/s, 20 GB/s], latency: [1 us, 2 us]}", 12);
  CHECK(testing::rate_of(t, "x+") == std::pair{10.0, 1.0});
  CHECK(testing::rate_of(t, "y-").first == relative(20, 1e-12));
  CHECK(t.route(3, 0, 0).size() == 3);
  CHECK(t.link(t.route(3, 0, 0).front()).link_class == "x-");
}

// The least sum of absolute coordinates of x modulo the lattice of a torus, by trying translates: row i of the lattice
// is size i at i and -twist at the others.
std::uint32_t lattice_distance(const std::vector<std::vector<int>>& rows, const std::vector<int>& x,
                               std::size_t row = 0) {
  if (row == rows.size()) {
    int sum = 0;
    for (const int c : x) sum += std::abs(c);
    return static_cast<std::uint32_t>(sum);
  }
  auto least = std::numeric_limits<std::uint32_t>::max();
  for (int times = -2; times <= 2; ++times) {
    std::vector<int> moved = x;
    for (std::size_t d = 0; d < x.size(); ++d) moved[d] += times * rows[row][d];
    least = std::min(least, lattice_distance(rows, moved, row + 1));
  }
  return least;
}

struct Twisted {
  Sizes sizes;
  std::string twist;
  std::vector<std::vector<int>> rows;
};

TEST_CASE("twisted torus: every distance is that of the lattice, from every vertex") {
  const std::vector<Twisted> tori{
      {{4, 8}, "{x: [0, 4]}", {{4, -4}, {0, 8}}},
      {{2, 4}, "{x: [0, 2]}", {{2, -2}, {0, 4}}},
      {{3, 5}, "{x: [0, 2]}", {{3, -2}, {0, 5}}},
      {{2, 2}, "{x: [0, 1]}", {{2, -1}, {0, 2}}},
      {{4, 4, 8}, "{x: [0, 0, 4], y: [0, 0, 4]}", {{4, 0, -4}, {0, 4, -4}, {0, 0, 8}}},
      {{2, 4, 4}, "{x: [0, 2, 2]}", {{2, -2, -2}, {0, 4, 0}, {0, 0, 4}}},
      {{3, 4, 5}, "{x: [0, 2, 1], y: [0, 0, 3]}", {{3, -2, -1}, {0, 4, -3}, {0, 0, 5}}},
  };
  for (const Twisted& torus : tori) {
    CAPTURE(torus.twist);
    const std::uint32_t n = product(torus.sizes);
    const Topology t =
        build("{topology: torus, dimensions: " + list_of(torus.sizes) + ", twist: " + torus.twist + "}", n);
    check_structure(t, n);
    CHECK(t.default_routing == "ecmp");
    CHECK(t.own_routings.empty());
    bool as_lattice = true;
    for (std::uint32_t a = 0; a < n; a += 7)
      for (std::uint32_t b = 0; b<n; b += n> 64 ? 3 : 1) {
        std::vector<int> x;
        for (std::uint32_t d = 0, stride = 1; d < torus.sizes.size(); stride *= torus.sizes[d++])
          x.push_back(static_cast<int>(b / stride % torus.sizes[d]) - static_cast<int>(a / stride % torus.sizes[d]));
        as_lattice = as_lattice && shortest_path(t, a, b).size() == lattice_distance(torus.rows, x);
      }
    CHECK(as_lattice);
  }
}

// The least bandwidth between the halves of any dimension.
double least_half(Sizes sizes, bool twisted) {
  const std::uint32_t k = *std::min_element(sizes.begin(), sizes.end());
  std::sort(sizes.begin(), sizes.end());
  const bool one_long = sizes[1] == k;  // k x k x 2k, else k x 2k x 2k
  const std::string shift = std::to_string(k);
  const std::string twist =
      one_long ? "{x: [0, 0, " + shift + "], y: [0, 0, " + shift + "]}" : "{x: [0, " + shift + ", " + shift + "]}";
  Topology t = build("{topology: torus, dimensions: " + list_of(sizes) + (twisted ? ", twist: " + twist : "") + "}",
                     product(sizes));
  const std::vector<std::uint32_t> by_number = t.endpoints;
  double least = std::numeric_limits<double>::max();
  for (std::uint32_t d = 0, stride = 1; d < sizes.size(); stride *= sizes[d++]) {
    t.endpoints = by_number;
    std::stable_sort(t.endpoints.begin(), t.endpoints.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return a / stride % sizes[d] < b / stride % sizes[d]; });
    least = std::min(least, measure(t).bisection.value());
  }
  return least;
}

TEST_CASE("twisted torus: the tori of TPU v4 have less diameter and twice the bandwidth between halves") {
  struct Shape {
    Sizes sizes;
    std::string twist;
    std::uint32_t plain, twisted;  // diameters
  };
  for (const Shape& shape : {Shape{{2, 2, 4}, "{x: [0, 0, 2], y: [0, 0, 2]}", 4, 3},
                             {{4, 4, 8}, "{x: [0, 0, 4], y: [0, 0, 4]}", 8, 6},
                             {{6, 6, 12}, "{x: [0, 0, 6], y: [0, 0, 6]}", 12, 9},
                             {{4, 8, 8}, "{x: [0, 4, 4]}", 10, 6},
                             {{2, 4, 4}, "{x: [0, 2, 2]}", 5, 3},
                             {{4, 8}, "{x: [0, 4]}", 6, 4},
                             {{8, 16}, "{x: [0, 8]}", 12, 8}}) {
    const std::string text = list_of(shape.sizes);
    CAPTURE(text);
    const std::uint32_t n = product(shape.sizes);
    const TopologyMetrics plain = measure(build("{topology: torus, dimensions: " + text + "}", n));
    const TopologyMetrics twisted =
        measure(build("{topology: torus, dimensions: " + text + ", twist: " + shape.twist + "}", n));
    CHECK(plain.diameter == shape.plain);
    CHECK(twisted.diameter == shape.twisted);
    CHECK(twisted.mean_distance < plain.mean_distance);
  }
  for (const std::uint32_t k : {4u, 6u}) {
    const double n = 2 * k * k * k;
    CHECK(least_half({k, k, 2 * k}, false) == relative(n / k * port, 1e-12));
    CHECK(least_half({k, k, 2 * k}, true) == relative(2 * n / k * port, 1e-12));
  }
  CHECK(least_half({4, 8, 8}, false) == relative(2 * 256 / 8 * port, 1e-12));
  CHECK(least_half({4, 8, 8}, true) == relative(2 * 256 / 4 * port, 1e-12));
}

TEST_CASE("twisted torus: shifts of zero are none, bad ones are faults") {
  const Topology t = build("{topology: torus, dimensions: [4, 4], twist: {x: [0, 0]}}", 16);
  CHECK(t.default_routing.empty());
  check_routes(t);
  const auto twist = [](const std::string& text) {
    return faults("{topology: torus, dimensions: [4, 8], twist: " + text + "}", 32);
  };
  CHECK(contains(twist("{x: [0, 4, 0]}"), "twist.x: expected 2 shifts"));
  CHECK(contains(twist("{x: [4]}"), "expected 2 shifts"));
  CHECK(contains(twist("{x: [1, 4]}"), "twist.x[0]: a dimension shifts only those after it"));
  CHECK(contains(twist("{y: [2, 0]}"), "twist.y[0]: "));
  CHECK(contains(twist("{x: [0, 8]}"), "twist.x[1]: expected a shift from 0 to 7, found 8"));
  CHECK(contains(twist("{x: [0, -1]}"), "twist.x[1]: "));
  CHECK(contains(twist("{z: [0, 4]}"), "twist.z"));
  CHECK(contains(twist("[0, 4]"), "twist: expected a mapping"));
  CHECK(contains(faults("{topology: torus, dimensions: [1, 8], twist: {x: [0, 4]}}", 8), "no cable to twist"));
  CHECK(contains(faults("{topology: mesh, dimensions: [4, 8], twist: {x: [0, 4]}}", 32), "twist"));
}

TEST_CASE("hypercube: closed forms, and routes correct the digits from the lowest up") {
  for (std::uint32_t digits = 0; digits <= 7; ++digits) {
    CAPTURE(digits);
    const std::uint32_t n = 1u << digits;
    const Topology t = build("topology: hypercube", n);
    const TopologyMetrics m = measure(t);
    CHECK(m.switches == 0);
    CHECK(m.cables == digits * n / 2);
    CHECK(m.least_degree == digits);
    CHECK(m.most_degree == digits);
    CHECK(m.diameter == digits);
    if (n > 1) CHECK(m.mean_distance == relative(digits * (n / 2.0) / (n - 1.0), 1e-12));
    CHECK(m.bisection.value() == doctest::Approx(n / 2 * port));
    check_structure(t, n);
    check_routes(t);
  }
  const Topology t =
      build("{topology: hypercube, bandwidth: [1 GB/s, 2 GB/s, 4 GB/s], latency: [1 us, 2 us, 3 us]}", 8);
  const TopologyRoute route = t.route(1, 6, 0);
  REQUIRE(route.size() == 3);
  CHECK(t.link_name(route[0]) == "endpoint1->endpoint0");
  CHECK(t.link_name(route[1]) == "endpoint0->endpoint2");
  CHECK(t.link_name(route[2]) == "endpoint2->endpoint6");
  CHECK(testing::rate_of(t, "d1").first == relative(1, 1e-12));
  CHECK(testing::rate_of(t, "d3").first == relative(4, 1e-12));
  CHECK(testing::rate_of(t, "d3").second == relative(3, 1e-12));
}

TEST_CASE("fully connected: closed forms") {
  for (const std::uint32_t n : {1u, 2u, 3u, 8u, 17u}) {
    CAPTURE(n);
    const Topology t = build("topology: fully_connected", n);
    const TopologyMetrics m = measure(t);
    CHECK(m.switches == 0);
    CHECK(m.cables == n * (n - 1) / 2);
    CHECK(m.least_degree == n - 1);
    CHECK(m.most_degree == n - 1);
    CHECK(m.diameter == (n > 1 ? 1 : 0));
    CHECK(m.mean_distance == (n > 1 ? 1.0 : 0.0));
    CHECK(m.bisection.value() == doctest::Approx((n / 2) * (n - n / 2) * port));
    check_structure(t, n);
    check_routes(t);
  }
}

TEST_CASE("grids: sizes that do not fit say what does") {
  CHECK(contains(faults("topology: hypercube", 12), "8 or 16, but 12"));
  CHECK(contains(faults("{topology: hypercube, bandwidth: [1 GB/s]}", 8), "bandwidth: expected 3 values"));
  CHECK(contains(faults("topology: mesh", 12), "a mesh needs its dimensions"));
  CHECK(contains(faults("{topology: mesh, dimensions: [3, 5]}", 12), "hold 15 endpoints, but 12"));
  CHECK(contains(faults("{topology: mesh, dimensions: [3, 0]}", 12), "dimensions[1]: a dimension must be at least 1"));
  CHECK(contains(faults("topology: fully_connected", 5000), "cables"));
}

}  // namespace
}  // namespace rehearse
