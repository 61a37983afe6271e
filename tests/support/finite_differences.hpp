// Gradients held to central differences, along directions drawn at random: one wrong element shows in each of them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "engine/base/mixing.hpp"
#include "workloads/proof/tensors.hpp"

namespace rehearse::testing {

/// Elements from [-1, 1), the same on every machine.
inline Matrix random_matrix(Eigen::Index rows, Eigen::Index columns, std::uint64_t seed) {
  return Matrix::NullaryExpr(rows, columns, [&](Eigen::Index row, Eigen::Index column) {
    const std::uint64_t hash = mix({seed, static_cast<std::uint64_t>(row), static_cast<std::uint64_t>(column)});
    return std::ldexp(static_cast<double>(hash >> 11), -52) - 1;
  });
}

/// How far `gradient` is from the slopes of `function` (matrix to a number of order 1) at x, as a share of its norm;
/// the worst of some directions. Differences of fourth order; less than they are good to counts as nothing.
template <class Function>
double gradient_error(const Matrix& x, const Matrix& gradient, const Function& function) {
  constexpr double step = 1e-5, good_to = 1e-9;
  constexpr std::uint64_t directions = 2;
  double worst = 0;
  for (std::uint64_t seed = 0; seed < directions; ++seed) {
    const Matrix direction = random_matrix(x.rows(), x.cols(), seed);
    const auto rise = [&](double by) { return function(x + by * direction) - function(x - by * direction); };
    const double slope = (8 * rise(step) - rise(2 * step)) / (12 * step);
    const double wrong = std::abs(slope - gradient.cwiseProduct(direction).sum());
    if (!(wrong <= good_to)) worst = std::max(worst, wrong / gradient.norm());
  }
  return worst;
}

}  // namespace rehearse::testing
