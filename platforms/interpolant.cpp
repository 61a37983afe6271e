#include "platforms/interpolant.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace rehearse {
namespace {

// Chosen on the H100 table (tests/validation/h100_gemm.csv), whose leave-one-out error is flat around them.
constexpr double model_slack = 0.4;  // a
constexpr double size_slope = 0.05;  // s
constexpr double size_reach = 2.08;  // c: ln 8
constexpr double exactness = 1e-9;   // of ln time: a smaller remainder is rounding
constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

/// How far x is above and below a cone's place, in the terms that A and B scale.
struct Way {
  double up, down;
};

double way_apart(const std::array<double, SizePoint::most>& a, const std::array<double, SizePoint::most>& b) {
  double sum = 0.0;
  for (std::size_t d = 0; d < a.size(); ++d) sum += std::abs(a[d] - b[d]);
  return sum;
}

template <class Place>
Way way(const Place& from, const Place& to) {
  const double model = to.model - from.model;
  double sizes = 0.0;
  for (std::size_t d = 0; d < from.sizes.size(); ++d) sizes += std::clamp(to.sizes[d] - from.sizes[d], 0.0, size_reach);
  return {(1.0 + model_slack) * std::max(model, 0.0) + size_slope * sizes, (1.0 - model_slack) * std::max(-model, 0.0)};
}

}  // namespace

double Interpolant::Cone::at(const Place& x) const {
  const Way w = way(place, x);
  return time + steeper * w.up - flatter * w.down;
}

Interpolant::Side::Side(std::vector<Cone> cones) : cones_(std::move(cones)) {
  for (std::size_t i = 0; i < cones_.size(); ++i) {
    const Slopes slopes = slopes_of(i, none);
    cones_[i].steeper = slopes.steeper;
    cones_[i].flatter = slopes.flatter;
  }
}

/// First the points that are below in everything: only a flatter way down keeps the bound above them. Then the others:
/// with that, a steeper way up does. (A point that is below in everything and slower is out of order.)
Interpolant::Slopes Interpolant::Side::slopes_of(std::size_t i, std::size_t left_out) const {
  Slopes slopes{.steepest = none, .flattest = none};
  const Cone& cone = cones_[i];
  for (std::size_t j = 0; j < cones_.size(); ++j) {
    if (j == i || j == left_out) continue;
    const Way w = way(cone.place, cones_[j].place);
    const double most = cone.time - cones_[j].time;  // that the bound may fall on the way to j
    if (w.up > 0.0 || w.down <= 0.0 || slopes.flatter * w.down <= most) continue;
    slopes.flatter = std::max(most / w.down, 0.0);
    slopes.flattest = j;
  }
  for (std::size_t j = 0; j < cones_.size(); ++j) {
    if (j == i || j == left_out) continue;
    const Way w = way(cone.place, cones_[j].place);
    const double least = cones_[j].time - cone.time + slopes.flatter * w.down;  // that it has to rise
    if (w.up <= 0.0 || slopes.steeper * w.up >= least) continue;
    slopes.steeper = least / w.up;
    slopes.steepest = j;
  }
  return slopes;
}

double Interpolant::Side::at(const Place& x) const {
  double least = std::numeric_limits<double>::infinity();
  for (const Cone& cone : cones_) least = std::min(least, cone.at(x));
  return least;
}

std::vector<double> Interpolant::Side::without_own() const {
  std::vector<double> out(cones_.size(), std::numeric_limits<double>::infinity());
  for (std::size_t i = 0; i < cones_.size(); ++i) {
    // Leaving a point out changes this cone only where that point had set one of its slopes.
    const Slopes all = slopes_of(i, none);
    const Slopes flat = all.flattest == none ? all : slopes_of(i, all.flattest);
    const Slopes steep = all.steepest == none ? all : slopes_of(i, all.steepest);
    for (std::size_t j = 0; j < cones_.size(); ++j) {
      if (j == i) continue;
      const Slopes& slopes = j == all.flattest ? flat : j == all.steepest ? steep : all;
      Cone cone = cones_[i];
      cone.steeper = slopes.steeper;
      cone.flatter = slopes.flatter;
      out[j] = std::min(out[j], cone.at(cones_[j].place));
    }
  }
  return out;
}

Interpolant::Place Interpolant::place_of(const SizePoint& x, double sign) {
  Place place{.model = sign * std::log(x.model.value())};
  for (std::size_t d = 0; d < place.sizes.size(); ++d) place.sizes[d] = sign * std::log(x.sizes[d]);
  return place;
}

std::vector<Interpolant::Cone> Interpolant::cones_of(const std::vector<SizePoint>& points,
                                                     const std::vector<Seconds>& times, double sign) {
  if (points.empty() || points.size() != times.size())
    throw std::invalid_argument("an interpolant needs points and as many times");
  std::vector<Cone> cones;
  for (std::size_t i = 0; i < points.size(); ++i) {
    Cone cone{.place = place_of(points[i], sign), .time = sign * std::log(times[i].value())};
    const bool finite = std::isfinite(cone.time) && std::isfinite(cone.place.model) &&
                        std::ranges::all_of(cone.place.sizes, [](double u) { return std::isfinite(u); });
    if (!finite) throw std::invalid_argument("an interpolant needs positive times, models and sizes");
    cones.push_back(cone);
  }
  return cones;
}

Interpolant::Interpolant(const std::vector<SizePoint>& points, const std::vector<Seconds>& times)
    : upper_(cones_of(points, times, 1.0)), lower_(cones_of(points, times, -1.0)) {
  if (points.size() == 1) alone_.push_back(points.front().model);
  for (std::size_t i = 0; i < points.size(); ++i) {
    const double rest = std::log(times[i].value()) - between(points[i]);
    if (std::abs(rest) < exactness) continue;
    Tent tent{.top = place_of(points[i], 1.0).sizes, .height = rest, .reach = std::numeric_limits<double>::infinity()};
    for (std::size_t j = 0; j < points.size(); ++j)
      if (j != i) tent.reach = std::min(tent.reach, way_apart(tent.top, place_of(points[j], 1.0).sizes) / 2.0);
    if (tent.reach <= 0.0) throw std::invalid_argument("two points of an interpolant at the same sizes");
    tents_.push_back(tent);
  }
}

double Interpolant::between(const SizePoint& x) const {
  return (upper_.at(place_of(x, 1.0)) - lower_.at(place_of(x, -1.0))) / 2.0;
}

Seconds Interpolant::at(const SizePoint& x) const {
  double time = between(x);
  if (!tents_.empty()) {
    const Sizes sizes = place_of(x, 1.0).sizes;
    for (const Tent& tent : tents_) time += tent.height * std::max(0.0, 1.0 - way_apart(sizes, tent.top) / tent.reach);
  }
  return Seconds(std::exp(time));
}

std::vector<Seconds> Interpolant::leave_one_out() const {
  if (!alone_.empty()) return alone_;
  const std::vector<double> above = upper_.without_own(), below = lower_.without_own();
  std::vector<Seconds> out;
  for (std::size_t i = 0; i < above.size(); ++i) out.emplace_back(std::exp((above[i] - below[i]) / 2.0));
  return out;
}

}  // namespace rehearse
