#include "scenarios/study_columns.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "engine/base/table.hpp"
#include "scenarios/study_limits.hpp"

namespace rehearse {

namespace {

std::size_t column_at(Reader& reader, const CsvTable& table, const std::string& name) {
  if (const std::optional<std::size_t> at = table.find(name)) return *at;
  reader.fault(unknown_name("column", name, table.columns) + fmt::format(" (of {})", table.file));
  return 0;
}

/// What a cell may mean: a value of the column's key, or without one a mapping of keys to values.
void read_values(Reader values, StudyColumn& column) {
  for (const std::string& cell : values.keys()) {
    Reader here = values.child(cell);
    std::vector<Setting> meaning;
    here.mark_read();
    if (!column.key.empty() && here.is_scalar()) {
      Value value = here.value();
      if (!column.unit.empty()) value.text += " " + column.unit;
      meaning.push_back({column.key, std::move(value)});
    } else if (column.key.empty() && here.is_mapping()) {
      for (const std::string& key : here.keys()) meaning.push_back({key, *here.value().find(key)});
    } else {
      here.fault(column.key.empty() ? "expected a mapping of keys to values, as the column has no `key`"
                                    : fmt::format("expected a value of '{}'", column.key));
    }
    column.values.emplace_back(cell, std::move(meaning));
  }
}

StudyColumn read_column(Reader reader, const CsvTable& table, const std::string& name) {
  StudyColumn column{name, {}, column_at(reader, table, name), {}, {}, {}, reader.value().file, reader.value().line};
  if (reader.is_scalar()) {
    column.key = reader.as<std::string>();
    if (column.key.empty()) reader.fault("expected the key that the cells are values of");
    return column;
  }
  Reader values = reader.child("values");
  column.key = values.keys().empty() ? reader.get<std::string>("key") : reader.get<std::string>("key", "");
  const double factor = reader.get_positive("factor", 1.0);
  if (reader.has("factor")) column.factor = factor;
  column.unit = reader.get<std::string>("unit", "");
  read_values(values, column);
  if (column.factor && !column.values.empty()) reader.fault("either a factor or values, not both");
  return column;
}

/// Those that the column sets.
std::vector<std::string> keys_of(const StudyColumn& column) {
  std::vector<std::string> keys{column.key};
  for (const auto& [cell, meaning] : column.values)
    for (const Setting& setting : meaning) keys.push_back(setting.key);
  std::ranges::sort(keys);
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  std::erase(keys, "");
  return keys;
}

}  // namespace

std::vector<StudyColumn> read_columns(Reader reader, const CsvTable& table) {
  if (!reader.is_mapping()) reader.fault("expected a mapping: {gpus: ranks}");
  std::vector<StudyColumn> columns;
  for (const std::string& name : reader.keys()) {
    Reader here = reader.child(name);
    if (!reader.has(name)) continue;
    StudyColumn column = read_column(here, table, name);
    for (const StudyColumn& other : columns) {
      const std::vector<std::string> taken = keys_of(other);
      for (const std::string& key : keys_of(column))
        if (std::ranges::find(taken, key) != taken.end())
          here.fault(fmt::format("'{}' is set by the column '{}' already", key, other.name));
    }
    columns.push_back(std::move(column));
  }
  return columns;
}

namespace {

/// In SI, from a unit or a factor.
double read_unit(Reader& reader, StudyMeasured& measured) {
  const double factor = reader.get_positive("factor", 1.0);
  measured.unit = reader.get<std::string>("unit", "");
  const bool needs_unit = measured.figure->unit != FigureUnit::number;
  if (measured.unit.empty() && !needs_unit) return factor;
  if (measured.unit.empty()) {
    reader.fault("unit", fmt::format("missing; '{}' is measured in a unit", measured.figure->name));
    return factor;
  }
  try {
    return factor * figure_unit(*measured.figure, measured.unit);
  } catch (const std::invalid_argument& error) {
    reader.fault("unit", error.what());
    return factor;
  }
}

}  // namespace

StudyMeasured read_measured(Reader reader, const CsvTable& table, const StudyBase& base) {
  StudyMeasured measured;
  const auto add = [&](Reader here) {
    const std::string name = here.as<std::string>();
    if (here.is_scalar()) measured.columns.push_back(column_at(here, table, name));
    measured.names += (measured.names.empty() ? "" : ", ") + name;
  };
  Reader several = reader.child("columns");
  if (!reader.has("columns")) {
    add(reader.child("column", true));
  } else {
    if (reader.has("column")) reader.fault("column", "either `column` or `columns`, not both");
    if (several.is_sequence() && several.value().items.empty()) several.fault("expected at least one column");
    for (Reader& item : several.items()) add(item);
  }
  const std::string take = reader.get_name("take", "way to take one", {"least", "mean", "most"}, "least");
  measured.take = take == "mean"   ? StudyMeasured::Take::mean
                  : take == "most" ? StudyMeasured::Take::most
                                   : StudyMeasured::Take::least;
  const std::string name = reader.get_name("is", "figure", study_figure_names(base, true), "time");
  measured.figure = study_figures().find(name);
  if (reader.get<std::string>("is", "time") == name)
    measured.factor = read_unit(reader, measured);
  else  // a fault already
    for (const char* key : {"unit", "factor"}) reader.child(key).mark_read();
  return measured;
}

std::vector<StudyCheck> read_checks(Reader reader, const CsvTable& table, const StudyBase& base) {
  if (!reader.is_mapping()) reader.fault("expected a mapping: {TP: plan.tensor}");
  std::vector<StudyCheck> checks;
  for (const std::string& name : reader.keys()) {
    Reader here = reader.child(name);
    if (!reader.has(name)) continue;
    StudyCheck check{name, {}, nullptr, column_at(here, table, name), 1, 0, here.value().file, here.value().line};
    check.key = here.is_scalar() ? here.as<std::string>() : here.get<std::string>("key");
    const StudyFigure* figure = study_figures().find(check.key);
    if (figure != nullptr && base.has(*figure)) check.figure = figure;
    if (!here.is_scalar()) {
      check.factor = here.get_positive("factor", 1.0);
      here.get<std::string>("within", "");
      if (here.has("within")) check.within = read_share(here, "within");
    }
    checks.push_back(std::move(check));
  }
  return checks;
}

}  // namespace rehearse
