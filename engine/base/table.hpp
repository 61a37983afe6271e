// Named tables: explicit typed rows with a one-line description, and the nearest valid name for a wrong one.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rehearse {

/// The candidate closest to `name` by optimal string alignment distance; empty where none is near
/// (further than a third of the length, at least 2).
std::string nearest_name(std::string_view name, std::span<const std::string> candidates);

/// "unknown WHAT 'NAME'; did you mean 'X'? one of: A, B, C".
std::string unknown_name(std::string_view what, std::string_view name, std::span<const std::string> candidates);

/// A view of rows that have at least `std::string_view name` and `std::string_view description`.
template <class Row>
class Table {
 public:
  constexpr Table(std::string_view what, std::span<const Row> rows) : what_(what), rows_(rows) {}
  [[nodiscard]] constexpr auto begin() const { return rows_.begin(); }
  [[nodiscard]] constexpr auto end() const { return rows_.end(); }
  /// What a row is called in messages: "collective algorithm".
  [[nodiscard]] constexpr std::string_view what() const { return what_; }

  [[nodiscard]] constexpr const Row* find(std::string_view name) const {
    for (const Row& row : rows_)
      if (row.name == name) return &row;
    return nullptr;
  }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const Row& row : rows_) out.emplace_back(row.name);
    return out;
  }
  /// The message for a name that `find` does not know.
  [[nodiscard]] std::string unknown(std::string_view name) const { return unknown_name(what_, name, names()); }

 private:
  std::string_view what_;
  std::span<const Row> rows_;
};

}  // namespace rehearse
