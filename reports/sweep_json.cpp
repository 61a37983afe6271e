#include <ostream>

#include <nlohmann/json.hpp>

#include "reports/sweep_report.hpp"
#include "reports/value_json.hpp"
#include "reports/yaml_scalar.hpp"
#include "scenarios/result_figures.hpp"
#include "scenarios/version.hpp"

namespace rehearse {

namespace {

using Json = nlohmann::ordered_json;

Json figures_json(const SweepRow& row) {
  const std::vector<ResultFigure>& names = figures_of_results();
  Json json = Json::object();
  for (std::size_t i = 0; i < row.figures.size(); ++i) {
    const auto number = [](const auto& value) -> Json { return value; };
    json[names[i].name] = names[i].number ? std::visit(number, typed_scalar(row.figures[i])) : Json(row.figures[i]);
  }
  return json;
}

Json row_json(const Sweep& sweep, std::size_t index, const SweepRow& row) {
  const SweepPoint point = sweep.point(index);
  const std::vector<std::string> columns = sweep.columns();
  Json cells = Json::object(), settings = Json::object();
  for (std::size_t i = 0; i < columns.size(); ++i) cells[columns[i]] = point.cells[i];
  for (const Setting& setting : point.settings) settings[setting.key] = value_json(setting.value);
  Json json{{"index", index}, {"point", cells}, {"settings", settings}, {"status", status_name(row.status)}};
  if (!row.reason.empty()) json["reason"] = row.reason;
  if (row.status == SweepRow::Status::ok) json["figures"] = figures_json(row);
  json["fingerprint"] = row.fingerprint;
  return json;
}

}  // namespace

void write_sweep_json(const SweepResult& result, std::ostream& out) {
  const Sweep& sweep = result.sweep;
  Json json{{"version", version()},
            {"name", sweep.name},
            {"description", sweep.description},
            {"file", sweep.file},
            {"columns", sweep.columns()},
            {"points", result.rows.size()},
            {"ok", result.count(SweepRow::Status::ok)},
            {"base", value_json(sweep.base)},
            {"rows", Json::array()}};
  for (std::size_t i = 0; i < result.rows.size(); ++i) json["rows"].push_back(row_json(sweep, i, result.rows[i]));
  out << json.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
}

}  // namespace rehearse
