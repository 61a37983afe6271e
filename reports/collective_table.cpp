#include "reports/collective_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ostream>

#include "reports/terminal.hpp"

namespace rehearse {
namespace {

/// Four significant digits, at least the whole part, at most two decimals.
std::string short_number(double number) {
  const int whole = number < 10 ? 1 : static_cast<int>(std::floor(std::log10(number))) + 1;
  return fmt::format("{:.{}f}", number, std::clamp(4 - whole, 0, 2));
}

}  // namespace

void TextTable::write(std::ostream& out) const {
  std::vector<std::size_t> width;
  for (const Row& row : rows_) {
    width.resize(std::max(width.size(), row.cells.size()));
    for (std::size_t i = 0; i < row.cells.size(); ++i) width[i] = std::max(width[i], display_width(row.cells[i]));
  }
  for (const Row& row : rows_) {
    std::string line = row.heading ? "#" : " ";
    for (std::size_t i = 0; i < row.cells.size(); ++i) line += "  " + right(row.cells[i], width[i]);
    line.erase(line.find_last_not_of(' ') + 1);
    out << line << "\n";
  }
}

std::string microseconds(Seconds time) { return short_number(time.value() * 1e6); }
std::string gigabytes_per_second(double bytes_per_second) { return short_number(bytes_per_second / 1e9); }

}  // namespace rehearse
