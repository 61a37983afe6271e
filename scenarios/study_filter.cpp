#include "scenarios/study_filter.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <stdexcept>
#include <system_error>

#include <fmt/format.h>

#include "engine/base/quantity_text.hpp"
#include "engine/base/table.hpp"

namespace rehearse {

namespace {

/// A number, or a size with its unit.
std::optional<double> read_bound(Reader& reader, const char* key) {
  const std::string text = reader.get<std::string>(key, "");
  if (!reader.has(key)) return std::nullopt;
  if (const std::optional<double> number = number_of_cell(text)) return number;
  try {
    return static_cast<double>(parse_bytes(text).value());
  } catch (const std::invalid_argument&) {
    reader.fault(key, fmt::format("expected a number, or a size, e.g. '1 MiB'; found '{}'", text));
    return std::nullopt;
  }
}

void read_range(Reader& reader, RowCondition& condition) {
  if (reader.value().items.empty())
    return reader.fault("expected a value, a list of values, or a range: {at_least: 8, below: 1 MiB}");
  condition.at_least = read_bound(reader, "at_least");
  condition.above = read_bound(reader, "above");
  condition.at_most = read_bound(reader, "at_most");
  condition.below = read_bound(reader, "below");
}

void check_numbers(Reader& reader, const RowCondition& condition, const CsvTable& table) {
  const std::size_t at = *table.find(condition.column);
  for (const CsvRow& row : table.rows)
    if (!number_of_cell(row.cells[at]))
      return reader.fault(
          fmt::format("a range needs numbers; line {} of {} has '{}'", row.line, table.file, row.cells[at]));
}

/// The same text, or the same number.
bool same_cell(const std::string& cell, const std::string& value) {
  if (cell == value) return true;
  const std::optional<double> a = number_of_cell(cell), b = number_of_cell(value);
  return a && b && *a == *b;
}

bool matches(const RowCondition& condition, const std::string& cell) {
  if (!condition.any_of.empty())
    return std::ranges::any_of(condition.any_of, [&](const std::string& value) { return same_cell(cell, value); });
  const std::optional<double> number = number_of_cell(cell);
  return number && !(condition.at_least && *number < *condition.at_least) &&
         !(condition.above && *number <= *condition.above) && !(condition.at_most && *number > *condition.at_most) &&
         !(condition.below && *number >= *condition.below);
}

}  // namespace

RowFilter read_row_filter(Reader reader, const CsvTable* table) {
  RowFilter filter;
  if (!reader.is_mapping()) reader.fault("expected a mapping of columns: {run_id: h100_p5_1n}");
  for (const std::string& column : reader.keys()) {
    Reader here = reader.child(column);
    if (!reader.has(column)) continue;
    RowCondition condition{column, {}, {}, {}, {}, {}};
    if (here.is_sequence() && !here.value().items.empty())
      for (Reader& item : here.items()) condition.any_of.push_back(item.as<std::string>());
    else if (here.is_scalar())
      condition.any_of.push_back(here.as<std::string>());
    else
      read_range(here, condition);
    const bool known = table == nullptr || table->find(column);
    if (!known) here.fault(unknown_name("column", column, table->columns));
    if (known && table != nullptr && condition.any_of.empty()) check_numbers(here, condition, *table);
    if (known) filter.push_back(std::move(condition));
  }
  return filter;
}

bool matches(const RowFilter& filter, const CsvTable& table, const CsvRow& row) {
  return std::ranges::all_of(filter, [&](const RowCondition& condition) {
    return matches(condition, row.cells[*table.find(condition.column)]);
  });
}

std::optional<double> number_of_cell(const std::string& text) {
  double number = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || result.ec != std::errc{} || result.ptr != text.data() + text.size() || !std::isfinite(number))
    return std::nullopt;
  return number;
}

std::string number_text(double number) {
  const bool whole = number == std::floor(number) && std::abs(number) < 1e15;
  return whole ? fmt::format("{:.0f}", number) : fmt::format("{}", number);
}

}  // namespace rehearse
