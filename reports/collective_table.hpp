// Columns of text that line up. Private to reports.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "engine/base/units.hpp"

namespace rehearse {

/// Rows of cells, each column as wide as its widest cell, cells to the right.
class TextTable {
 public:
  /// A heading: its lines begin with '#', as comments do.
  void add_heading(std::vector<std::string> cells) { rows_.push_back({std::move(cells), true}); }
  void add_row(std::vector<std::string> cells) { rows_.push_back({std::move(cells), false}); }
  void write(std::ostream& out) const;

 private:
  struct Row {
    std::vector<std::string> cells;
    bool heading;
  };
  std::vector<Row> rows_;
};

/// Microseconds, and GB/s of bytes/s, with four significant digits and two decimals at most; never grouped.
std::string microseconds(Seconds time);
std::string gigabytes_per_second(double bytes_per_second);

}  // namespace rehearse
