// A hash that is the same on every machine: the finalizer of splitmix64 (Steele, Lea and Flood, OOPSLA 2014).
#pragma once

#include <cstdint>
#include <initializer_list>

namespace rehearse {

constexpr std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

/// Of the words in their order.
constexpr std::uint64_t mix(std::initializer_list<std::uint64_t> words) {
  std::uint64_t hash = 0;
  for (const std::uint64_t word : words) hash = mix(hash ^ word);
  return hash;
}

}  // namespace rehearse
