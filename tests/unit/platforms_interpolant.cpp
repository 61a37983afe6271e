// The interpolation between measured times: exact, monotone, continuous; its leave-one-out error.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <stdexcept>
#include <vector>

#include "platforms/interpolant.hpp"
#include "tests/support/relative.hpp"

using namespace rehearse;

namespace {

/// Three sizes; the model is smooth, the truth has another slope in each size, and steps where `steps` says so.
SizePoint point(double a, double b, double c) {
  SizePoint x;
  x.sizes = {a, b, c, 1, 1, 1};
  x.model = Seconds(2e-6 + 1e-12 * a * b * c);
  return x;
}

Seconds truth(const SizePoint& x, bool steps) {
  const double work = x.sizes[0] * x.sizes[1] * x.sizes[2];
  const double waves = steps ? std::ceil(x.sizes[0] * x.sizes[1] / 1e4) : x.sizes[0] * x.sizes[1] / 1e4;
  return Seconds(3e-6 + 1e-8 * std::max(waves, 1.0) * std::pow(x.sizes[2], 0.9) + 2e-13 * work);
}

class Random {
 public:
  double size() { return std::exp(uniform_(generator_) * std::log(1e4)); }
  SizePoint point() { return ::point(size(), size(), size()); }
  /// At least as large as x in every size, in some of them equal.
  SizePoint above(const SizePoint& x) {
    const auto grow = [&](double s) {
      return uniform_(generator_) < 0.3 ? s : s * std::pow(10.0, uniform_(generator_));
    };
    return ::point(grow(x.sizes[0]), grow(x.sizes[1]), grow(x.sizes[2]));
  }
  double noise() { return 1.0 + 0.1 * (uniform_(generator_) - 0.5); }

 private:
  std::mt19937 generator_{7};
  std::uniform_real_distribution<double> uniform_{0.0, 1.0};
};

struct Data {
  std::vector<SizePoint> points;
  std::vector<Seconds> times;
};

Data ordered_data(Random& random, std::size_t count, bool steps) {
  Data data;
  for (std::size_t i = 0; i < count; ++i) {
    data.points.push_back(random.point());
    data.times.push_back(truth(data.points.back(), steps));
  }
  return data;
}

}  // namespace

TEST_CASE("interpolant: exact at the points, in order or not") {
  Random random;
  for (const bool noisy : {false, true}) {
    Data data = ordered_data(random, 120, true);
    if (noisy)
      for (Seconds& time : data.times) time *= random.noise();
    const Interpolant f(data.points, data.times);
    CHECK((f.out_of_order() > 0) == noisy);
    for (std::size_t i = 0; i < data.points.size(); ++i)
      REQUIRE(f.at(data.points[i]) / data.times[i] == testing::relative(1.0, 1e-8));
  }
}

TEST_CASE("interpolant: more work never takes less time, inside and outside of the points") {
  Random random;
  for (const bool steps : {false, true}) {
    const Data data = ordered_data(random, 80, steps);
    const Interpolant f(data.points, data.times);
    for (int i = 0; i < 3000; ++i) {
      const SizePoint x = random.point(), y = random.above(x);
      REQUIRE(f.at(y) >= f.at(x) * (1.0 - 1e-12));
    }
  }
}

TEST_CASE("interpolant: continuous, where points are out of order too") {
  Random random;
  Data data = ordered_data(random, 60, true);
  for (Seconds& time : data.times) time *= random.noise();
  const Interpolant f(data.points, data.times);
  for (int i = 0; i < 2000; ++i) {
    // Beside a point, where tents and cones meet, or anywhere.
    const SizePoint x = i % 2 == 0 ? data.points[static_cast<std::size_t>(i) % data.points.size()] : random.point();
    const SizePoint y = point(x.sizes[0] * (1.0 + 1e-9), x.sizes[1] * (1.0 - 1e-9), x.sizes[2] * (1.0 + 1e-9));
    REQUIRE(f.at(y) / f.at(x) == testing::relative(1.0, 1e-5));
  }
}

TEST_CASE("interpolant: a point out of order is met, and does no harm elsewhere") {
  std::vector<SizePoint> points;
  std::vector<Seconds> times;
  for (const double a : {1.0, 10.0, 100.0, 1000.0}) {
    points.push_back(point(a, 100, 100));
    times.push_back(points.back().model);
  }
  times[1] = 1.2 * times[2];
  const Interpolant f(points, times);
  CHECK(f.out_of_order() == 2);
  CHECK(f.at(points[1]) / times[1] == testing::relative(1.0, 1e-8));
  CHECK(f.at(point(1000, 100, 100)) / times[3] == testing::relative(1.0, 1e-8));
  CHECK(f.at(point(1, 100, 100)) / times[0] == testing::relative(1.0, 1e-8));
}

TEST_CASE("interpolant: a step that was measured is seen") {
  std::vector<SizePoint> points;
  std::vector<Seconds> times;
  for (int a = 90; a <= 110; ++a) {
    points.push_back(point(a, 100, 3000));
    times.push_back(truth(points.back(), true));  // the second wave starts after 100
  }
  const Interpolant f(points, times);
  const double before = f.at(point(99.5, 100, 3000)) / f.at(point(98.5, 100, 3000));
  const double over = f.at(point(101, 100, 3000)) / f.at(point(100, 100, 3000));
  CHECK(before < 1.02);
  CHECK(over > 1.15);
}

TEST_CASE("interpolant: leave-one-out is what a table without the point says") {
  Random random;
  const Data data = ordered_data(random, 40, true);
  const std::vector<Seconds> predicted = Interpolant(data.points, data.times).leave_one_out();
  for (std::size_t i = 0; i < data.points.size(); ++i) {
    Data rest = data;
    rest.points.erase(rest.points.begin() + static_cast<std::ptrdiff_t>(i));
    rest.times.erase(rest.times.begin() + static_cast<std::ptrdiff_t>(i));
    REQUIRE(predicted[i] / Interpolant(rest.points, rest.times).at(data.points[i]) == doctest::Approx(1.0));
  }
}

TEST_CASE("interpolant: outside of the points it follows the model") {
  Random random;
  const Data data = ordered_data(random, 30, false);
  const Interpolant f(data.points, data.times);
  const SizePoint far = point(1e5, 1e5, 1e5), farther = point(1e6, 1e5, 1e5);
  CHECK(f.at(farther) / f.at(far) == testing::relative(farther.model / far.model, 0.01));
  const Interpolant one({point(10, 10, 10)}, {Seconds(5e-6)});
  CHECK(one.at(point(1e4, 1e4, 1e4)) / (point(1e4, 1e4, 1e4).model * (Seconds(5e-6) / point(10, 10, 10).model)) ==
        testing::relative(1.0, 0.2));
  CHECK(one.leave_one_out().at(0) == point(10, 10, 10).model);
}

TEST_CASE("interpolant: what it refuses") {
  CHECK_THROWS_AS(Interpolant({}, {}), std::invalid_argument);
  CHECK_THROWS_AS(Interpolant({point(1, 1, 1)}, {Seconds(0)}), std::invalid_argument);
  CHECK_THROWS_AS(Interpolant({point(1, 1, 1)}, {}), std::invalid_argument);
  CHECK_THROWS_AS(Interpolant({point(0, 1, 1)}, {Seconds(1)}), std::invalid_argument);
  CHECK_THROWS_AS(Interpolant({point(1, 1, 1), point(1, 1, 1)}, {Seconds(1), Seconds(2)}), std::invalid_argument);
}
