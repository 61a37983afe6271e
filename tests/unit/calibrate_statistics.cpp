#include "platforms/calibrate/statistics.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

using namespace rehearse;

TEST_CASE("median interval: ranks as in tables of the binomial distribution") {
  struct Row {
    std::size_t n, rank;
  };
  // Le Boudec 2010, Table A.1, where its interval is symmetric.
  for (const Row& row : std::array<Row, 13>{{{1, 0},
                                             {5, 0},
                                             {6, 1},
                                             {7, 1},
                                             {9, 2},
                                             {10, 2},
                                             {12, 3},
                                             {15, 4},
                                             {20, 6},
                                             {25, 8},
                                             {30, 10},
                                             {50, 18},
                                             {70, 27}}}) {
    CAPTURE(row.n);
    CHECK(median_interval_rank(row.n) == row.rank);
  }
  CHECK(median_interval_rank(71) == 27);
  CHECK(median_interval_rank(100) == 40);
}

TEST_CASE("median interval: never empty, tighter with more values") {
  double last = 1.0;
  for (std::size_t n = 6; n <= 400; ++n) {
    const std::size_t j = median_interval_rank(n);
    REQUIRE(j >= 1);
    REQUIRE(2 * j <= n);
    CHECK(median_interval_rank(n + 1) >= j);
    const double width = static_cast<double>(n + 1 - 2 * j) / static_cast<double>(n);
    CHECK(width <= last + 2.0 / static_cast<double>(n));
    last = width;
  }
}

TEST_CASE("median: of odd and even numbers of values, and its interval") {
  CHECK(estimate_median({3.0}).median == 3.0);
  CHECK(estimate_median({3.0}).half_width == 1.0);
  CHECK(estimate_median({4.0, 1.0}).median == 2.5);
  CHECK(estimate_median({5.0, 1.0, 2.0, 2.0, 2.0}).half_width == 1.0);
  const MedianEstimate six = estimate_median({12.0, 9.0, 10.0, 10.0, 8.0, 11.0});
  CHECK(six.median == 10.0);
  CHECK(six.half_width == doctest::Approx(0.2));  // (12 - 8) / 2 of 10
  // The second smallest and the second largest of nine: outliers do not widen it.
  const MedianEstimate nine = estimate_median({10.0, 10.0, 10.0, 10.0, 10.0, 10.0, 9.0, 0.1, 1000.0});
  CHECK(nine.median == 10.0);
  CHECK(nine.half_width == doctest::Approx(0.05));
  CHECK(estimate_median(std::vector<double>(7, 4.0)).half_width == 0.0);
}

TEST_CASE("median interval: covers the true median 95 times in 100 or more, for a skewed distribution") {
  std::mt19937_64 random(20);
  for (const std::size_t n : {6U, 7U, 11U, 40U, 90U}) {
    CAPTURE(n);
    constexpr int runs = 4000;
    int covered = 0;
    for (int run = 0; run < runs; ++run) {
      std::size_t above = 0;
      for (std::size_t i = 0; i < n; ++i) {
        // Times have a floor and a long tail; the true median of floor - log(u) is floor + log(2).
        const double u = (static_cast<double>(random() >> 11) + 0.5) * 0x1p-53;
        if (1.0 - std::log(u) > 1.0 + std::log(2.0)) ++above;
      }
      const std::size_t j = median_interval_rank(n);
      if (above >= j && n - above >= j) ++covered;  // the j-th smallest is below the median, the j-th largest above
    }
    // At least 95 % by construction (0.3 % is one standard error); never far above for such sizes.
    CHECK(static_cast<double>(covered) / runs > 0.94);
    CHECK(static_cast<double>(covered) / runs < 0.99);
  }
}
