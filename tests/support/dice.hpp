// Draws for random tests that are the same on every machine.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/mixing.hpp"

namespace rehearse::testing {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(mix(seed)) {}
  std::int64_t below(std::int64_t n) {
    return static_cast<std::int64_t>(mix(state_++) % static_cast<std::uint64_t>(n));
  }
  bool one_in(std::int64_t n) { return below(n) == 0; }
  template <class T>
  T of(const std::vector<T>& values) {
    return values[static_cast<std::size_t>(below(std::ssize(values)))];
  }
  std::string word(const std::vector<std::string>& words) { return of(words); }
  std::int64_t divisor(std::int64_t n) {
    std::vector<std::int64_t> all;
    for (std::int64_t d = 1; d <= n; ++d)
      if (n % d == 0) all.push_back(d);
    return of(all);
  }

 private:
  std::uint64_t state_;
};

}  // namespace rehearse::testing
