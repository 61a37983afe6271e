// A sweep for people.
#include <algorithm>
#include <array>
#include <functional>
#include <ostream>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "reports/aligned_table.hpp"
#include "reports/sweep_report.hpp"
#include "reports/terminal.hpp"

namespace rehearse {

namespace {

constexpr std::size_t most_rows = 256, best_rows = 20;

/// What the best row has most of.
constexpr const char* best_figure = "tokens_per_s";

const std::vector<std::string> usual_figures{"iteration_time_s", best_figure, "mfu", "memory_peak_bytes",
                                             exposed_comm_figure};

/// A column of figures: its heading, and the way its numbers are written.
struct FigureColumn {
  std::string figure, heading;
  std::function<std::string(double)> text;
};

bool ok(const SweepRow& row) { return row.status == SweepRow::Status::ok; }

double largest(const SweepResult& result, const std::string& figure) {
  double out = 0;
  for (const SweepRow& row : result.rows)
    if (ok(row)) out = std::max(out, figure_of(row, figure));
  return out;
}

FigureColumn column_of(const SweepResult& result, const std::string& figure) {
  const auto without = [&](std::string_view suffix) { return figure.substr(0, figure.size() - suffix.size()); };
  const auto scaled = [](const Scale& scale) { return [scale](double number) { return scale.text(number); }; };
  if (figure.ends_with("_bytes"))
    return {figure, without("_bytes"), scaled(scale_for(Bytes(static_cast<std::int64_t>(largest(result, figure)))))};
  if (figure.ends_with("_s") && !figure.ends_with("_per_s"))
    return {figure, without("_s"), scaled(scale_for(Seconds(largest(result, figure))))};
  if (figure == "mfu" || figure == "hfu") return {figure, figure, percent};
  return {figure, figure, [](double number) { return significant(number, 5); }};
}

/// Points in the order in which they are shown.
std::vector<std::size_t> shown_points(const SweepResult& result, bool all) {
  std::vector<std::size_t> points;
  for (std::size_t i = 0; i < result.rows.size(); ++i)
    if (all || ok(result.rows[i])) points.push_back(i);
  if (all) return points;
  std::ranges::stable_sort(points, std::greater{},
                           [&](std::size_t i) { return figure_of(result.rows[i], best_figure); });
  points.resize(std::min(points.size(), best_rows));
  return points;
}

/// As many as there are rows: none.
std::size_t best_point(const SweepResult& result) {
  const std::vector<std::size_t> best = shown_points(result, false);
  return best.empty() ? result.rows.size() : best.front();
}

std::string remark(const SweepRow& row, bool best) {
  if (!ok(row)) return fmt::format("{}: {}", status_name(row.status), row.reason);
  return best ? "<- best" : "";
}

void write_points(const SweepResult& result, const std::vector<std::size_t>& points, std::ostream& out) {
  std::vector<FigureColumn> figures;
  for (const std::string& figure : result.sweep.shown.empty() ? usual_figures : result.sweep.shown)
    figures.push_back(column_of(result, figure));
  std::vector<std::string> heading{"index"};
  for (std::string& column : result.sweep.columns()) heading.push_back(std::move(column));
  for (const FigureColumn& figure : figures) heading.push_back(figure.heading);
  heading.emplace_back();
  AlignedTable table(std::move(heading), 0, true);
  const std::size_t best = best_point(result);
  for (const std::size_t i : points) {
    std::vector<std::string> cells{fmt::to_string(i)};
    for (std::string& cell : result.sweep.point(i).cells) cells.push_back(std::move(cell));
    for (const FigureColumn& figure : figures)
      cells.push_back(ok(result.rows[i]) ? figure.text(figure_of(result.rows[i], figure.figure)) : "–");
    cells.push_back(remark(result.rows[i], i == best));
    table.add(std::move(cells));
  }
  table.write(out, false);
}

std::vector<std::size_t> failed_points(const SweepResult& result) {
  std::vector<std::size_t> points;
  for (std::size_t i = 0; i < result.rows.size() && points.size() < best_rows; ++i)
    if (!ok(result.rows[i])) points.push_back(i);
  return points;
}

/// "200 points: 150 ok, 50 plan cannot run".
std::string counts(const SweepResult& result) {
  std::vector<std::string> parts;
  for (const auto status :
       {SweepRow::Status::ok, SweepRow::Status::cannot_run, SweepRow::Status::bad_input, SweepRow::Status::fault})
    if (const std::size_t rows = result.count(status); rows > 0 || status == SweepRow::Status::ok)
      parts.push_back(fmt::format("{} {}", grouped(rows), status_name(status)));
  return fmt::format("{} points: {}", grouped(result.rows.size()), fmt::join(parts, ", "));
}

}  // namespace

void write_sweep_text(const SweepResult& result, std::ostream& out) {
  const bool all = result.rows.size() <= most_rows;
  out << result.sweep.name << "\n";
  if (!result.sweep.description.empty()) out << result.sweep.description << "\n";
  out << "\n";
  write_points(result, shown_points(result, all), out);
  if (const std::vector<std::size_t> failed = failed_points(result); !all && !failed.empty()) {
    out << fmt::format("\nThe first {} that failed\n", failed.size());
    write_points(result, failed, out);
  }
  out << "\n" << counts(result) << (all ? "" : fmt::format("; above are the best by {}", best_figure)) << "\n";
}

}  // namespace rehearse
