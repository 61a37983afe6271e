#include "reports/aligned_table.hpp"

#include <algorithm>
#include <numeric>
#include <ostream>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "reports/terminal.hpp"

namespace rehearse {

AlignedTable::AlignedTable(std::vector<std::string> heading, std::size_t left, bool remarks)
    : left_(left), remarks_(remarks) {
  rows_.push_back(std::move(heading));
}

bool AlignedTable::is_left(std::size_t column) const {
  return column < left_ || (remarks_ && column + 1 == rows_.front().size());
}

std::vector<std::size_t> AlignedTable::widths() const {
  std::vector<std::size_t> widths(rows_.front().size(), 3);  // Markdown's rules need three
  for (const std::vector<std::string>& row : rows_)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i]));
  return widths;
}

std::vector<std::string> AlignedTable::padded(const std::vector<std::string>& row,
                                              const std::vector<std::size_t>& widths) const {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < row.size(); ++i)
    out.push_back(is_left(i) ? left(row[i], widths[i]) : right(row[i], widths[i]));
  return out;
}

void AlignedTable::write(std::ostream& out, bool markdown, std::size_t width) const {
  std::vector<std::size_t> wide = widths();
  const std::size_t line = std::accumulate(wide.begin(), wide.end(), 2 * wide.size());
  if (line > width) wide[0] = std::max(wide[0] - std::min(line - width, wide[0]), std::min(wide[0], least_first));
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    std::string row = fmt::format("{}", fmt::join(padded(rows_[i], wide), markdown ? " | " : "  "));
    if (!markdown) row.erase(row.find_last_not_of(' ') + 1);
    out << (markdown ? "| " + row + " |" : "  " + row) << "\n";
    if (!markdown || i > 0) continue;
    for (std::size_t column = 0; column < wide.size(); ++column)
      out << "|" << std::string(wide[column] + 1, '-') << (is_left(column) ? "-" : ":");
    out << "|\n";
  }
}

}  // namespace rehearse
