// Times between measured points: exact at the points, continuous, and never less for more work.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "engine/base/units.hpp"

namespace rehearse {

/// Sizes of a kernel in an order that its table fixes (batch, m, n, k), those it has not 1; and what a model of the
/// kernel says it takes. All positive; the model continuous and non-decreasing in every size.
struct SizePoint {
  static constexpr std::size_t most = 6;
  std::array<double, most> sizes = {1, 1, 1, 1, 1, 1};
  Seconds model;
};

/// Interpolates measured times t_i at points x_i. With L = ln t, b = ln model, u_d = ln size_d, every point bounds the
/// time elsewhere from above and from below:
///
///   U_i(x) = L_i + A_i [(1 + a) (b - b_i)+ + s sum_d min((u_d - u_id)+, c)] - B_i (1 - a) (b_i - b)+
///   W_i(x) = L_i - A'_i [(1 + a) (b_i - b)+ + s sum_d min((u_id - u_d)+, c)] + B'_i (1 - a) (b - b_i)+
///
/// that is, the time grows at least 1 - a and at most 1 + a times as fast as the model's, and a little with each size.
/// The result is exp of the mean of min_i U_i and max_i W_i: the interpolation of McShane (1934, Bull. AMS 40), with
/// one-sided slopes; it halves the greatest error that any function within the bounds can cause. A_i >= 1 and
/// 0 <= B_i <= 1 are the least changes of the slopes that keep U_i above, and W_i below, every other point, so that the
/// result is exact. As all U_i and W_i are continuous and non-decreasing in each size, so is the result.
///
/// A point that is slower than one at least as large in every size is out of order: no such function meets both. There
/// a tent of the remainder is added, which ends half way to the nearest other point (sum of |ln| of sizes). The result
/// is exact and continuous there too, and falls as the measurements fall, inside those tents only.
///
/// Outside the points the time follows the model, plus at most s c / 2 for each size.
class Interpolant {
 public:
  /// At least one point, as many times, all positive, no two times at the same sizes; else std::invalid_argument.
  Interpolant(const std::vector<SizePoint>& points, const std::vector<Seconds>& times);

  [[nodiscard]] Seconds at(const SizePoint& x) const;
  /// Points that no non-decreasing function meets.
  [[nodiscard]] std::size_t out_of_order() const { return tents_.size(); }
  /// For each point of the constructor, in its order, the time that the others give it (their tents apart); of a single
  /// point, the model's.
  [[nodiscard]] std::vector<Seconds> leave_one_out() const;

 private:
  using Sizes = std::array<double, SizePoint::most>;
  /// A place in logarithms; those of the lower side have every sign turned.
  struct Place {
    double model = 0.0;
    Sizes sizes{};
  };
  /// What one point says of the others.
  struct Cone {
    Place place;
    double time = 0.0;     ///< ln
    double steeper = 1.0;  ///< A
    double flatter = 1.0;  ///< B
    [[nodiscard]] double at(const Place& x) const;
  };
  struct Slopes {
    double steeper = 1.0, flatter = 1.0;
    std::size_t steepest, flattest;  ///< the points that set them; `none` where nothing did
  };
  /// The upper bounds U; the lower ones W are those of the turned points, turned.
  class Side {
   public:
    explicit Side(std::vector<Cone> cones);
    [[nodiscard]] double at(const Place& x) const;
    /// At each point, the bound of the others.
    [[nodiscard]] std::vector<double> without_own() const;

   private:
    [[nodiscard]] Slopes slopes_of(std::size_t i, std::size_t left_out) const;
    std::vector<Cone> cones_;
  };
  struct Tent {
    Sizes top{};
    double height = 0.0, reach = 0.0;
  };

  static Place place_of(const SizePoint& x, double sign);
  static std::vector<Cone> cones_of(const std::vector<SizePoint>& points, const std::vector<Seconds>& times,
                                    double sign);
  [[nodiscard]] double between(const SizePoint& x) const;

  Side upper_, lower_;
  std::vector<Tent> tents_;
  std::vector<Seconds> alone_;  ///< the model, where there is but one point
};

}  // namespace rehearse
