// Predictions beside measurements for people.
#include <algorithm>
#include <cmath>
#include <ostream>

#include <fmt/format.h>

#include "reports/aligned_table.hpp"
#include "reports/validation_report.hpp"

namespace rehearse {

namespace {

/// Four significant digits, or the whole part; never grouped, so that it can be pasted.
std::string short_number(double number) {
  const int whole = number < 10 ? 1 : static_cast<int>(std::log10(number)) + 1;
  return fmt::format("{:.{}f}", number, std::max(4 - whole, 0));
}

std::string signed_per_cent(double share) { return fmt::format("{:+.1f} %", 100 * share); }
std::string per_cent(double share) { return fmt::format("{:.1f} %", 100 * share); }

std::string with_unit(const char* what, const StudyMeasured& measured) {
  return measured.unit.empty() ? what : fmt::format("{} {}", what, measured.unit);
}

std::string remark(const StudyPoint& point) {
  if (point.state == StudyPoint::State::cannot_run) return "cannot run: " + point.reason;
  if (point.state == StudyPoint::State::failed) return "failed: " + point.reason;
  std::string text = point.way;
  for (const std::string& wrong : point.wrong) text += (text.empty() ? "" : "; ") + wrong;
  return text;
}

void write_rows(const StudyResult& result, std::size_t part_at, std::ostream& out, bool markdown) {
  const StudyPart& part = result.study->parts[part_at];
  std::vector<std::string> heading;
  for (const std::size_t column : part.shown) heading.push_back(part.table->columns[column]);
  for (const char* what : {"measured", "predicted"}) heading.push_back(with_unit(what, part.measured));
  heading.insert(heading.end(), {"error", ""});
  AlignedTable table(std::move(heading), 0, true);
  for (std::size_t i = 0; i < result.points.size(); ++i) {
    const StudyRow& row = result.study->rows[i];
    if (row.part != part_at) continue;
    const StudyPoint& point = result.points[i];
    const bool compared = point.state == StudyPoint::State::compared;
    std::vector<std::string> cells;
    for (const std::size_t column : part.shown) cells.push_back(row.row->cells[column]);
    cells.insert(cells.end(), {short_number(row.measured), compared ? short_number(point.predicted) : "–",
                               compared ? signed_per_cent(point.times.error()) : "–", remark(point)});
    table.add(std::move(cells));
  }
  table.write(out, markdown);
}

/// What is compared, in a line for each part.
void write_part_heading(const StudyPart& part, std::ostream& out) {
  out << "\n" << (part.name.empty() ? "" : part.name + ": ");
  out << fmt::format("{} of {}, measured: {}{}\n", part.measured.figure->name, part.table->file, part.measured.names,
                     part.measured.columns.size() < 2                   ? ""
                     : part.measured.take == StudyMeasured::Take::least ? " (the least)"
                     : part.measured.take == StudyMeasured::Take::mean  ? " (the mean)"
                                                                        : " (the most)");
}

const std::vector<std::string> statistics_heading{"",           "rows", "cannot run", "mean",        "median",
                                                  "95 %",       "bias", "within 5 %", "within 10 %", "within 20 %",
                                                  "correlation"};

std::vector<std::string> statistics_cells(const std::string& name, const StudySummary& summary) {
  const ErrorStatistics& e = summary.errors;
  std::vector<std::string> cells{name, fmt::to_string(e.rows), fmt::to_string(summary.cannot_run + summary.failed)};
  if (e.rows == 0) {
    cells.resize(statistics_heading.size(), "–");
    return cells;
  }
  cells.insert(cells.end(),
               {per_cent(e.mean_absolute), per_cent(e.median_absolute), per_cent(e.percentile_95),
                signed_per_cent(e.bias), per_cent(e.within_5), per_cent(e.within_10), per_cent(e.within_20),
                e.rank_correlation ? fmt::format("{:.3f}", *e.rank_correlation) : "–"});
  return cells;
}

void write_study(const StudyResult& result, std::ostream& out, const ValidationText& look) {
  const Study& study = *result.study;
  out << (look.markdown ? "## " : "") << study.name << "\n";
  if (!study.description.empty()) out << study.description << "\n";
  for (std::size_t i = 0; i < study.parts.size() && look.rows; ++i) {
    write_part_heading(study.parts[i], out);
    if (look.markdown) out << "\n";
    write_rows(result, i, out, look.markdown);
  }
  const bool size = study.parts.front().measured.figure->unit == FigureUnit::bytes;
  out << fmt::format(
      "\nError of the {}, predicted / measured - 1 (of a throughput, of its reciprocal); mean, median and 95 % are of "
      "its absolute value.\n",
      size ? "size" : "time");
  if (look.markdown) out << "\n";
  AlignedTable table(statistics_heading, 1, false);
  for (const StudySummary& summary : result.summaries) table.add(statistics_cells(summary.name, summary));
  table.write(out, look.markdown);
}

}  // namespace

void write_validation_text(const std::vector<StudyResult>& results, std::ostream& out, const ValidationText& look) {
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (i > 0) out << "\n";
    write_study(results[i], out, look);
  }
  if (results.size() < 2) return;
  out << (look.markdown ? "\n## All studies\n\n" : "\nAll studies\n");
  AlignedTable table(statistics_heading, 1, false);
  for (const StudyResult& result : results) table.add(statistics_cells(result.study->name, result.summaries.back()));
  table.write(out, look.markdown);
}

}  // namespace rehearse
