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
  void write(std::ostream& out, bool markdown) const;

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
