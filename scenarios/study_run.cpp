// Study: every row in a process of its own, then statistics.
#include <algorithm>
#include <cmath>
#include <sstream>
#include <utility>

#include <fmt/format.h>

#include "scenarios/study.hpp"
#include "scenarios/study_limits.hpp"
#include "scenarios/study_rows.hpp"

namespace rehearse {

namespace {

/// What a child sends.
std::string encode(const StudyAnswer& answer) {
  std::string out = answer.way + "\n";
  for (const double figure : answer.figures) out += fmt::format("{} ", figure);
  return out;
}

StudyAnswer decode(const std::string& text) {
  StudyAnswer out;
  std::istringstream in(text);
  std::getline(in, out.way);
  for (std::string number; in >> number;) out.figures.push_back(std::stod(number));
  return out;
}

/// What is asked of a row of the part: what was measured, then the figures of its checks.
std::vector<const StudyFigure*> asked_of(const StudyPart& part) {
  std::vector<const StudyFigure*> figures{part.measured.figure};
  for (const StudyCheck& check : part.checks)
    if (check.figure != nullptr) figures.push_back(check.figure);
  return figures;
}

/// Why a check does not hold; empty: it does.
std::string wrong(const StudyCheck& check, const StudyRow& row, const std::string& found) {
  const std::string& cell = row.row->cells[check.at];
  const std::optional<double> a = number_of_cell(cell), b = number_of_cell(found);
  const bool same =
      a && b ? std::abs(*a * check.factor - *b) <= check.within * std::abs(*a * check.factor) : cell == found;
  return same ? std::string{} : fmt::format("{} is {}, the table has {} {}", check.key, found, check.name, cell);
}

std::vector<std::string> wrongs(const StudyPart& part, const StudyRow& row, const StudyAnswer& answer) {
  std::vector<std::string> out;
  std::size_t figure = 1;
  for (const StudyCheck& check : part.checks) {
    const std::string found = check.figure != nullptr ? fmt::format("{}", answer.figures.at(figure++))
                                                      : value_at(resolved_of(row.run), check.key)->text;
    if (std::string text = wrong(check, row, found); !text.empty()) out.push_back(std::move(text));
  }
  return out;
}

void compare(const StudyPart& part, const StudyRow& row, const StudyAnswer& answer, StudyPoint& point) {
  point.way = answer.way;
  point.predicted = answer.figures.at(0) / part.measured.factor;
  if (!(point.predicted > 0) || !std::isfinite(point.predicted)) {
    point.reason = fmt::format("the predicted {} is {}", part.measured.figure->name, point.predicted);
    return;
  }
  const bool cost = part.measured.figure->kind == FigureKind::cost;
  point.times =
      cost ? ComparedTimes{point.predicted, row.measured} : ComparedTimes{1 / point.predicted, 1 / row.measured};
  point.state = StudyPoint::State::compared;
  point.wrong = wrongs(part, row, answer);
}

std::vector<StudyPoint> simulate_rows(const Study& study, std::size_t workers, const WorkProgress& progress) {
  std::vector<StudyPoint> points(study.rows.size());
  std::vector<std::size_t> runs;
  for (std::size_t i = 0; i < points.size(); ++i) {
    points[i].reason = why_it_cannot_run(study.rows[i].run);
    if (points[i].reason.empty())
      runs.push_back(i);
    else
      points[i].state = StudyPoint::State::cannot_run;
  }
  const auto work = [&](std::size_t at) {
    const StudyRow& row = study.rows[runs[at]];
    return encode(simulate_run(row.run, asked_of(study.parts[row.part])));
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
