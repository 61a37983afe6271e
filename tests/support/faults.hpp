// For tests: what an InputError says.
#pragma once

#include <string>

#include "engine/base/error.hpp"

namespace rehearse::testing {

/// All faults that `f` throws, a line each; empty: none.
template <class F>
std::string faults_of(F f) {
  try {
    f();
    return {};
  } catch (const InputError& error) {
    return error.what();
  }
}

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace rehearse::testing
