// Columns of text that line up, as plain text or Markdown. Private to reports.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>
#include <vector>

namespace rehearse {

class AlignedTable {
 public:
  /// The first `left` columns line up on the left, and so does the last where `remarks`; the others on the right.
  AlignedTable(std::vector<std::string> heading, std::size_t left, bool remarks);

  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  /// `width`: of a line; the first column gives way to the others until it is `least_first` wide.
  void write(std::ostream& out, bool markdown, std::size_t width = no_width) const;

  static constexpr std::size_t no_width = static_cast<std::size_t>(-1), least_first = 8;

 private:
  [[nodiscard]] bool is_left(std::size_t column) const;
  [[nodiscard]] std::vector<std::size_t> widths() const;
  [[nodiscard]] std::vector<std::string> padded(const std::vector<std::string>& row,
                                                const std::vector<std::size_t>& widths) const;

  std::vector<std::vector<std::string>> rows_;  ///< the heading first
  std::size_t left_;
  bool remarks_;
};

}  // namespace rehearse
