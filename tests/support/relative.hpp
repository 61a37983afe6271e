// Comparison of times, for tests.
#pragma once

#include <doctest/doctest.h>

namespace rehearse::testing {

/// Equal to a share `tolerance` of the value. doctest's Approx by itself allows that share of the value plus one: any
/// two times of some microseconds are equal to it.
inline doctest::Approx relative(double expected, double tolerance) {
  return doctest::Approx(expected).epsilon(tolerance).scale(1e-300);
}

}  // namespace rehearse::testing
