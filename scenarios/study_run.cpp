// Study: every row in a process of its own, then statistics.
#include <algorithm>
#include <cmath>
#include <sstream>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "scenarios/collective_simulate.hpp"
#include "scenarios/simulate.hpp"
#include "scenarios/study.hpp"
#include "scenarios/study_limits.hpp"
#include "scenarios/study_rows.hpp"

namespace rehearse {

namespace {

/// What a child sends: the figures in the order of their table, and how a collective was carried out.
struct Simulated {
  std::vector<double> figures;
  std::string way;
};

std::string encode(const Simulated& simulated) {
  std::string out = simulated.way + "\n";
  for (const double figure : simulated.figures) out += fmt::format("{} ", figure);
  return out;
}

Simulated decode(const std::string& text) {
  Simulated out;
  std::istringstream in(text);
  std::getline(in, out.way);
  for (std::string number; in >> number;) out.figures.push_back(std::stod(number));
  return out;
}

std::string way_text(const CollectivePoint& p) {
  return fmt::format("{} {} {} channel{}", p.algorithm, protocol_name(p.protocol), p.channels,
                     p.channels == 1 ? "" : "s");
}

Simulated simulate_run(const Scenario& scenario) {
  const Result result = simulate(scenario);
  Simulated out;
  for (const StudyFigure& figure : study_figures())
    out.figures.push_back(figure.of_result != nullptr ? figure.of_result(result) : 0);
  return out;
}

Simulated simulate_run(const CollectiveJob& job) {
  const CollectivePoint point = simulate_collective(job);
  Simulated out{{}, way_text(point)};
  for (const StudyFigure& figure : study_figures())
    out.figures.push_back(figure.of_point != nullptr ? figure.of_point(point) : 0);
  return out;
}

double figure_of(const Simulated& simulated, std::string_view name) {
  std::size_t at = 0;
  for (const StudyFigure& figure : study_figures()) {
    if (figure.name == name) return simulated.figures.at(at);
    ++at;
  }
  throw std::logic_error("no such figure");
}

/// The reasons, without their places: those are files of the row.
std::string reasons(const std::vector<Fault>& faults) {
  std::string out;
  for (const Fault& fault : faults)
    out += fmt::format("{}{}: {}", out.empty() ? "" : "; ", fault.key_path, fault.message);
  return out;
}

std::string why_it_cannot_run(const StudyRow& row) {
  const auto* scenario = std::get_if<Scenario>(&row.run);
  if (scenario == nullptr) return {};
  const std::vector<Fault> of_plan = check_plan_of(*scenario);
  return reasons(of_plan.empty() ? check_memory_of(*scenario) : of_plan);
}

/// Why a check does not hold; empty: it does.
std::string wrong(const StudyCheck& check, const StudyPart& part, const StudyRow& row, const Simulated& simulated) {
  const std::string& cell = row.row->cells[check.at];
  const std::vector<std::string> figures = study_figure_names(part.of_collective, false);
  std::string found;
  if (std::ranges::find(figures, check.key) != figures.end())
    found = fmt::format("{}", figure_of(simulated, check.key));
  else if (const Value* value = value_at(resolved_of(row.run), check.key))
    found = value->text;
  const std::optional<double> a = number_of_cell(cell), b = number_of_cell(found);
  const bool same =
      a && b ? std::abs(*a * check.factor - *b) <= check.within * std::abs(*a * check.factor) : cell == found;
  return same ? std::string{} : fmt::format("{} is {}, the table has {} {}", check.key, found, check.name, cell);
}

void compare(const StudyPart& part, const StudyRow& row, const Simulated& simulated, StudyPoint& point) {
  point.way = simulated.way;
  point.predicted = figure_of(simulated, part.measured.figure->name) / part.measured.factor;
  if (!(point.predicted > 0) || !std::isfinite(point.predicted)) {
    point.reason = fmt::format("the predicted {} is {}", part.measured.figure->name, point.predicted);
    return;
  }
  const bool cost = part.measured.figure->kind == FigureKind::cost;
  point.times =
      cost ? ComparedTimes{point.predicted, row.measured} : ComparedTimes{1 / point.predicted, 1 / row.measured};
  point.state = StudyPoint::State::compared;
  for (const StudyCheck& check : part.checks)
    if (std::string text = wrong(check, part, row, simulated); !text.empty()) point.wrong.push_back(std::move(text));
}

std::vector<StudyPoint> simulate_rows(const Study& study, std::size_t workers, const WorkProgress& progress) {
  std::vector<StudyPoint> points(study.rows.size());
  std::vector<std::size_t> runs;
  for (std::size_t i = 0; i < points.size(); ++i) {
    points[i].reason = why_it_cannot_run(study.rows[i]);
    if (points[i].reason.empty())
      runs.push_back(i);
    else
      points[i].state = StudyPoint::State::cannot_run;
  }
  const auto work = [&](std::size_t at) {
    return std::visit([](const auto& run) { return encode(simulate_run(run)); }, study.rows[runs[at]].run);
  };
  const std::vector<WorkerAnswer> answers = run_in_workers(runs.size(), workers, work, progress);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const StudyRow& row = study.rows[runs[i]];
    if (answers[i].done)
      compare(study.parts[row.part], row, decode(answers[i].text), points[runs[i]]);
    else
      points[runs[i]].reason = answers[i].text;
  }
  return points;
}

/// Of the rows that `taken` takes.
template <class Taken>
StudySummary summary(const StudyResult& result, const std::string& name, Taken taken) {
  StudySummary out{name, 0, 0, 0, {}};
  std::vector<ComparedTimes> compared;
  for (std::size_t i = 0; i < result.points.size(); ++i) {
    if (!taken(result.study->rows[i])) continue;
    ++out.rows;
    const StudyPoint& point = result.points[i];
    if (point.state == StudyPoint::State::compared) compared.push_back(point.times);
    out.cannot_run += point.state == StudyPoint::State::cannot_run ? 1 : 0;
    out.failed += point.state == StudyPoint::State::failed ? 1 : 0;
  }
  out.errors = error_statistics(compared);
  return out;
}

void summarise(StudyResult& result) {
  const Study& study = *result.study;
  for (std::size_t i = 0; i < study.parts.size() && study.parts.size() > 1; ++i)
    result.summaries.push_back(summary(result, study.parts[i].name, [i](const StudyRow& r) { return r.part == i; }));
  for (const StudyGroup& group : study.groups)
    result.summaries.push_back(summary(result, group.name, [&](const StudyRow& r) {
      return matches(group.where, *study.parts[r.part].table, *r.row);
    }));
  result.summaries.push_back(summary(result, all_rows, [](const StudyRow&) { return true; }));
}

void hold_to_limits(StudyResult& result) {
  for (const StudyLimit& limit : result.study->limits)
    for (const StudySummary& summary : result.summaries)
      if (summary.name == limit.summary)
        if (const std::string text = exceeded(limit, summary); !text.empty())
          result.exceeded.push_back(fmt::format("{}: {}", result.study->name, text));
  for (std::size_t i = 0; i < result.points.size(); ++i) {
    const StudyRow& row = result.study->rows[i];
    const StudyPoint& point = result.points[i];
    const Fault place{result.study->parts[row.part].table->file, row.row->line, {}, point.reason};
    if (point.state == StudyPoint::State::failed) result.exceeded.push_back(place.to_string());
    for (const std::string& wrong : point.wrong)
      result.exceeded.push_back(Fault{place.file, place.line, {}, wrong}.to_string());
  }
}

}  // namespace

StudyResult run_study(std::shared_ptr<const Study> study, std::size_t workers, const WorkProgress& progress) {
  StudyResult result{std::move(study), {}, {}, {}};
  result.points = simulate_rows(*result.study, workers, progress);
  summarise(result);
  hold_to_limits(result);
  return result;
}

}  // namespace rehearse
