// Texts and trees of values as bytes for another process of the same program: nothing is lost, files and lines neither.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/document.hpp"

namespace rehearse {

/// Appends one after the other; `Unpacker` takes them out in the same order.
class Packer {
 public:
  Packer& add(std::string_view text);
  Packer& add(std::int64_t number);
  Packer& add(const Value& value);
  [[nodiscard]] std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

/// Throws std::logic_error where the bytes hold something else than is asked for.
class Unpacker {
 public:
  explicit Unpacker(std::string_view bytes) : rest_(bytes) {}
  std::string text();
  std::int64_t number();
  Value value();
  [[nodiscard]] bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

}  // namespace rehearse
