// Interned strings: a name is stored once and an op holds four bytes.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>

#include "engine/base/units.hpp"

namespace rehearse {

/// Name 0 is the empty string. References stay valid as the pool grows.
class NamePool {
 public:
  NamePool() { intern(""); }
  NamePool(const NamePool& other) { *this = other; }
  NamePool& operator=(const NamePool& other);
  NamePool(NamePool&&) noexcept = default;
  NamePool& operator=(NamePool&&) noexcept = default;

  NameId intern(std::string_view text);
  [[nodiscard]] const std::string& operator[](NameId id) const { return texts_[index(id)]; }
  [[nodiscard]] std::size_t size() const { return texts_.size(); }

 private:
  std::deque<std::string> texts_;
  std::unordered_map<std::string_view, NameId> ids_;
};

}  // namespace rehearse
