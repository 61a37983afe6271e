#include <ostream>

#include <nlohmann/json.hpp>

#include "reports/validation_report.hpp"
#include "scenarios/version.hpp"

namespace rehearse {

namespace {

using Json = nlohmann::ordered_json;

const char* state_name(StudyPoint::State state) {
  switch (state) {
    case StudyPoint::State::compared: return "compared";
    case StudyPoint::State::cannot_run: return "cannot_run";
    case StudyPoint::State::failed: break;
  }
  return "failed";
}

Json settings_json(const StudyPart& part, const CsvRow& row) {
  Json settings = Json::object();
  for (const std::size_t column : part.shown) settings[part.table->columns[column]] = row.cells[column];
  return settings;
}

Json row_json(const Study& study, const StudyRow& row, const StudyPoint& point) {
  const StudyPart& part = study.parts[row.part];
  const bool compared = point.state == StudyPoint::State::compared;
  Json json{{"part", part.name},
            {"line", row.row->line},
            {"settings", settings_json(part, *row.row)},
            {"state", state_name(point.state)},
            {"measured", row.measured},
            {"predicted", compared ? Json(point.predicted) : Json()},
            {"error", compared ? Json(point.times.error()) : Json()}};
  if (!point.reason.empty()) json["reason"] = point.reason;
  if (!point.way.empty()) json["way"] = point.way;
  if (!point.wrong.empty()) json["wrong"] = point.wrong;
  return json;
}

Json summary_json(const StudySummary& summary) {
  const ErrorStatistics& e = summary.errors;
  Json json{{"name", summary.name},
            {"rows", summary.rows},
            {"compared", e.rows},
            {"cannot_run", summary.cannot_run},
            {"failed", summary.failed}};
  if (e.rows == 0) return json;
  json["mean_absolute_error"] = e.mean_absolute;
  json["median_absolute_error"] = e.median_absolute;
  json["percentile_95"] = e.percentile_95;
  json["largest_absolute_error"] = e.largest;
  json["bias"] = e.bias;
  json["rank_correlation"] = e.rank_correlation ? Json(*e.rank_correlation) : Json();
  json["within_5_percent"] = e.within_5;
  json["within_10_percent"] = e.within_10;
  json["within_20_percent"] = e.within_20;
  return json;
}

Json part_json(const StudyPart& part) {
  return {{"name", part.name},
          {"table", part.table->file},
          {"measured", part.measured.names},
          {"figure", part.measured.figure->name},
          {"unit", part.measured.unit}};
}

Json study_json(const StudyResult& result) {
  const Study& study = *result.study;
  Json parts = Json::array(), rows = Json::array(), statistics = Json::array();
  for (const StudyPart& part : study.parts) parts.push_back(part_json(part));
  for (std::size_t i = 0; i < result.points.size(); ++i)
    rows.push_back(row_json(study, study.rows[i], result.points[i]));
  for (const StudySummary& summary : result.summaries) statistics.push_back(summary_json(summary));
  return {{"name", study.name}, {"file", study.file},       {"parts", parts},
          {"rows", rows},       {"statistics", statistics}, {"exceeded", result.exceeded}};
}

}  // namespace

void write_validation_json(const std::vector<StudyResult>& results, std::ostream& out) {
  Json json{{"version", version()}, {"studies", Json::array()}};
  for (const StudyResult& result : results) json["studies"].push_back(study_json(result));
  out << json.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
}

}  // namespace rehearse
