// Which rows of a table are meant: the `where` of a study.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/base/csv.hpp"
#include "engine/base/document.hpp"

namespace rehearse {

/// Of one column: one of some values, or a number in a range.
struct RowCondition {
  std::string column;
  std::vector<std::string> any_of;  ///< empty: a range
  std::optional<double> at_least, above, at_most, below;
};

/// All of them hold.
using RowFilter = std::vector<RowCondition>;

/// A mapping of columns to a value, a list of values, or a range: {at_least: 1 MiB, below: 1000000000}. A column that
/// `table` lacks is a fault, and so is a range over a cell that is no number; no table: nothing is checked.
RowFilter read_row_filter(Reader reader, const CsvTable* table);

/// The table has the filter's columns.
bool matches(const RowFilter& filter, const CsvTable& table, const CsvRow& row);

/// The whole text as a finite number.
std::optional<double> number_of_cell(const std::string& text);
/// "8", "0.5", without the decimals that a whole number does not need.
std::string number_text(double number);

}  // namespace rehearse
