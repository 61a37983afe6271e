// Enumerators that a file names: one of a list of names, in the order of the enumerators.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "engine/base/document.hpp"

namespace rehearse {

/// The enumerator whose name stands at `key`; `fallback` where nothing does, or, with a fault, something unknown.
template <class E, std::size_t N>
E read_enum(Reader& reader, std::string_view key, std::string_view what, const std::array<std::string_view, N>& names,
            E fallback) {
  const std::string found =
      reader.get_name(key, what, {names.begin(), names.end()}, std::string(names[static_cast<std::size_t>(fallback)]));
  for (std::size_t i = 0; i < N; ++i)
    if (names[i] == found) return static_cast<E>(i);
  return fallback;
}

template <class E, std::size_t N>
std::string enum_name(const std::array<std::string_view, N>& names, E value) {
  return std::string(names[static_cast<std::size_t>(value)]);
}

}  // namespace rehearse
