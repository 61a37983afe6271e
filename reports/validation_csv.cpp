#include <algorithm>
#include <ostream>

#include <fmt/format.h>

#include "engine/base/csv.hpp"
#include "reports/validation_report.hpp"

namespace rehearse {

namespace {

/// The columns of all tables that say what a row is, each once.
std::vector<std::string> shown_columns(const std::vector<StudyResult>& results) {
  std::vector<std::string> columns;
  for (const StudyResult& result : results)
    for (const StudyPart& part : result.study->parts)
      for (const std::size_t at : part.shown)
        if (std::ranges::find(columns, part.table->columns[at]) == columns.end())
          columns.push_back(part.table->columns[at]);
  return columns;
}

std::string shown_cell(const StudyPart& part, const CsvRow& row, const std::string& column) {
  const std::optional<std::size_t> at = part.table->find(column);
  return at && std::ranges::find(part.shown, *at) != part.shown.end() ? row.cells[*at] : std::string{};
}

void write_row(const Study& study, const StudyRow& row, const StudyPoint& point,
               const std::vector<std::string>& columns, std::ostream& out) {
  const StudyPart& part = study.parts[row.part];
  const bool compared = point.state == StudyPoint::State::compared;
  std::vector<std::string> cells{study.name, part.name, part.table->file, fmt::to_string(row.row->line)};
  for (const std::string& column : columns) cells.push_back(shown_cell(part, *row.row, column));
  cells.insert(cells.end(), {std::string(part.measured.figure->name), part.measured.unit, fmt::to_string(row.measured),
                             compared ? fmt::to_string(point.predicted) : "",
                             compared ? fmt::to_string(point.times.error()) : "", point.reason, point.way});
  out << csv_line(cells);
}

}  // namespace

void write_validation_csv(const std::vector<StudyResult>& results, std::ostream& out) {
  const std::vector<std::string> columns = shown_columns(results);
  std::vector<std::string> heading{"study", "part", "table", "line"};
  heading.insert(heading.end(), columns.begin(), columns.end());
  heading.insert(heading.end(), {"figure", "unit", "measured", "predicted", "error", "reason", "way"});
  out << csv_line(heading);
  for (const StudyResult& result : results)
    for (std::size_t i = 0; i < result.points.size(); ++i)
      write_row(*result.study, result.study->rows[i], result.points[i], columns, out);
}

}  // namespace rehearse
