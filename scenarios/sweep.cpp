#include "scenarios/sweep.hpp"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "scenarios/result_figures.hpp"
#include "scenarios/study_filter.hpp"

namespace rehearse {

std::size_t Sweep::size() const {
  std::size_t points = 1;
  for (const SweepDimension& dimension : dimensions) {
    const std::size_t choices = std::max<std::size_t>(dimension.choices.size(), 1);
    if (points > std::numeric_limits<std::size_t>::max() / choices) return std::numeric_limits<std::size_t>::max();
    points *= choices;
  }
  return points;
}

std::vector<std::string> Sweep::columns() const {
  std::vector<std::string> out;
  for (const SweepDimension& dimension : dimensions)
    out.insert(out.end(), dimension.columns.begin(), dimension.columns.end());
  return out;
}

SweepPoint Sweep::point(std::size_t index) const {
  std::vector<const SweepChoice*> chosen(dimensions.size());
  for (std::size_t d = dimensions.size(); d-- > 0;) {
    const std::vector<SweepChoice>& choices = dimensions[d].choices;
    chosen[d] = &choices[index % choices.size()];
    index /= choices.size();
  }
  SweepPoint out;
  for (const SweepChoice* choice : chosen) {
    out.cells.insert(out.cells.end(), choice->cells.begin(), choice->cells.end());
    out.settings.insert(out.settings.end(), choice->settings.begin(), choice->settings.end());
  }
  return out;
}

double figure_of(const SweepRow& row, const std::string& name) {
  if (name == exposed_comm_figure)
    return figure_of(row, "tensor_comm_s") + figure_of(row, "context_comm_s") + figure_of(row, "expert_comm_s") +
           figure_of(row, "pipeline_comm_s") + figure_of(row, "data_comm_s") + figure_of(row, "offload_s");
  const std::vector<ResultFigure>& figures = figures_of_results();
  const auto found = std::ranges::find(figures, name, &ResultFigure::name);
  return number_of_cell(row.figures.at(static_cast<std::size_t>(found - figures.begin()))).value_or(0);
}

const char* status_name(SweepRow::Status status) {
  switch (status) {
    case SweepRow::Status::ok: return "ok";
    case SweepRow::Status::cannot_run: return "plan cannot run";
    case SweepRow::Status::bad_input: return "bad input";
    case SweepRow::Status::fault: break;
  }
  return "fault";
}

std::vector<std::string> sweep_heading(const Sweep& sweep) {
  std::vector<std::string> heading{"index"};
  for (std::string& column : sweep.columns()) heading.push_back(std::move(column));
  for (const ResultFigure& figure : figures_of_results()) heading.push_back(figure.name);
  heading.insert(heading.end(), {"status", "reason", "fingerprint"});
  return heading;
}

std::vector<std::string> sweep_cells(const Sweep& sweep, std::size_t index, const SweepRow& row) {
  std::vector<std::string> cells{fmt::to_string(index)};
  for (std::string& cell : sweep.point(index).cells) cells.push_back(std::move(cell));
  cells.insert(cells.end(), row.figures.begin(), row.figures.end());
  if (row.figures.empty()) cells.resize(cells.size() + figures_of_results().size());
  cells.insert(cells.end(), {status_name(row.status), row.reason, row.fingerprint});
  return cells;
}

std::size_t SweepResult::count(SweepRow::Status status) const {
  return static_cast<std::size_t>(std::ranges::count(rows, status, &SweepRow::status));
}

}  // namespace rehearse
