// Least value of a function of a few bounded parameters, without derivatives.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

namespace rehearse {

template <std::size_t count>
using Parameters = std::array<double, count>;

template <std::size_t count>
struct Minimum {
  Parameters<count> at{};
  double value = 0.0;
};

/// Pattern search (Hooke and Jeeves 1961): each parameter up and down in turn, by a quarter of its range at first; the
/// step halved when nothing helps. A minimum near the start, not of all.
template <std::size_t count, class Function>
Minimum<count> minimise(const Function& function, const Parameters<count>& start, const Parameters<count>& low,
                        const Parameters<count>& high) {
  constexpr double first_step = 0.25, last_step = 1e-4;  // of the range
  Minimum<count> best{start, function(start)};
  for (double step = first_step; step > last_step;) {
    bool improved = false;
    for (std::size_t i = 0; i < count; ++i)
      for (const double sign : {1.0, -1.0}) {
        Parameters<count> trial = best.at;
        trial[i] = std::clamp(trial[i] + sign * step * (high[i] - low[i]), low[i], high[i]);
        const double value = function(trial);
        if (value >= best.value) continue;
        best = {trial, value};
        improved = true;
      }
    if (!improved) step /= 2.0;
  }
  return best;
}

}  // namespace rehearse
