// Patterns made by hand, all_reduces each, for those who carry patterns out.
#pragma once

#include <cstdint>

#include "workloads/collectives/pattern.hpp"

namespace rehearse {

/// Everybody sends all its elements to everybody else in one step, and each adds what it receives.
inline Pattern made_exchange(std::uint32_t ranks, std::int64_t elements) {
  Pattern pattern = stepwise(ranks, 1, [ranks, elements](std::uint64_t, std::vector<Transfer>& out) {
    for (std::uint32_t from = 0; from < ranks; ++from)
      for (std::uint32_t to = 0; to < ranks; ++to)
        if (from != to) out.push_back({.source = from, .destination = to, .reduce = true, .count = elements});
  });
  pattern.buffer = elements;
  return pattern;
}

/// Two switches add up the even and the odd elements (as strided runs) and send back the sums; `elements` is even.
inline Pattern made_with_switches(std::uint32_t ranks, std::int64_t elements) {
  Pattern pattern = stepwise(ranks, 2, [ranks, elements](std::uint64_t step, std::vector<Transfer>& out) {
    for (std::uint32_t s = 0; s < 2; ++s)
      for (std::uint32_t p = 0; p < ranks; ++p)
        out.push_back({.source = step == 0 ? p : ranks + s,
                       .destination = step == 0 ? ranks + s : p,
                       .reduce = step == 0,
                       .from = s,
                       .to = s,
                       .count = 1,
                       .runs = elements / 2,
                       .stride = 2});
  });
  pattern.switches = 2;
  pattern.buffer = elements;
  return pattern;
}

/// As the pattern, but the position's sums are lost: what it receives to add, it stores.
inline Pattern made_lossy(Pattern pattern, std::uint32_t position) {
  for (Stretch& stretch : pattern.stretches)
    stretch.make = [make = stretch.make, position](std::uint64_t step, std::vector<Transfer>& out) {
      const std::size_t first = out.size();
      make(step, out);
      for (std::size_t i = first; i < out.size(); ++i)
        if (out[i].destination == position) out[i].reduce = false;
    };
  return pattern;
}

}  // namespace rehearse
