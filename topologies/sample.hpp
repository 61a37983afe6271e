// Samples that are the same on every machine. Private to topologies.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "engine/base/mixing.hpp"

namespace rehearse {

/// 0 ... n - 1 in an order drawn by the seed.
inline std::vector<std::uint32_t> shuffled(std::uint32_t n, std::uint64_t seed) {
  std::vector<std::uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0U);
  for (std::uint32_t i = n; i > 1; --i) std::swap(order[i - 1], order[mix({seed, n, i}) % i]);
  return order;
}

/// `count` of 0 ... n - 1, ascending; all where there are no more.
inline std::vector<std::uint32_t> sample(std::uint32_t n, std::uint32_t count, std::uint64_t seed) {
  std::vector<std::uint32_t> drawn = shuffled(n, seed);
  drawn.resize(std::min(n, count));
  std::sort(drawn.begin(), drawn.end());
  return drawn;
}

}  // namespace rehearse
