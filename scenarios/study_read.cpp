// Study: from YAML and its tables.
#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "engine/base/table.hpp"
#include "scenarios/study.hpp"
#include "scenarios/study_limits.hpp"
#include "scenarios/study_rows.hpp"

namespace rehearse {

namespace {

/// What the parts of a study may share.
constexpr std::array<const char*, 8> part_keys{"collective", "scenario", "table",    "columns",
                                               "where",      "set",      "measured", "check"};

/// Tables by path, and what is wrong with them: read once, whatever the number of parts.
class Tables {
 public:
  explicit Tables(std::string stand_in) : stand_in_(std::move(stand_in)) {}

  /// Null after a fault.
  std::shared_ptr<const CsvTable> get(Reader& reader) {
    const std::string asked = reader.get<std::string>("table", "");
    if (stand_in_.empty() && asked.empty()) reader.fault("table", "missing; expected a CSV file beside the study");
    if (stand_in_.empty() && asked.empty()) return nullptr;
    std::filesystem::path path = stand_in_;
    if (stand_in_.empty()) {
      path = std::filesystem::path(reader.value().find("table")->file).parent_path() / asked;
      std::error_code error;
      if (!std::filesystem::exists(path, error)) {
        reader.fault("table", fmt::format("no such file: '{}'", path.string()));
        return nullptr;
      }
    }
    const auto [at, is_new] = tables_.try_emplace(path.string());
    if (is_new) at->second = load(path);
    return at->second;
  }

  std::vector<Fault> faults;

 private:
  std::shared_ptr<const CsvTable> load(const std::filesystem::path& path) {
    try {
      auto table = std::make_shared<const CsvTable>(load_csv(path));
      if (!table->rows.empty()) return table;
      faults.push_back({path.string(), 0, {}, "the table has no rows"});
    } catch (const InputError& error) {
      add_faults(faults, error);
    }
    return nullptr;
  }

  std::string stand_in_;
  std::map<std::string, std::shared_ptr<const CsvTable>> tables_;
};

std::size_t column_at(Reader& reader, const CsvTable& table, const std::string& name) {
  if (const std::optional<std::size_t> at = table.find(name)) return *at;
  reader.fault(unknown_name("column", name, table.columns) + fmt::format(" (of {})", table.file));
  return 0;
}

StudyColumn read_column(Reader reader, const CsvTable& table, const std::string& name) {
  StudyColumn column{name, {}, column_at(reader, table, name), {}, {}, {}, reader.value().file, reader.value().line};
  if (reader.is_scalar()) {
    column.key = reader.as<std::string>();
    return column;
  }
  column.key = reader.get<std::string>("key");
  const double factor = reader.get("factor", 1.0);
  if (reader.has("factor")) column.factor = factor;
  column.unit = reader.get<std::string>("unit", "");
  Reader values = reader.child("values");
  for (const std::string& cell : values.keys()) column.values.emplace_back(cell, values.get<std::string>(cell));
  if (column.factor && !column.values.empty()) reader.fault("either a factor or values, not both");
  return column;
}

std::vector<StudyColumn> read_columns(Reader reader, const CsvTable& table) {
  if (!reader.is_mapping()) reader.fault("expected a mapping: {gpus: ranks}");
  std::vector<StudyColumn> columns;
  for (const std::string& name : reader.keys()) {
    Reader here = reader.child(name);
    if (!reader.has(name)) continue;
    StudyColumn column = read_column(here, table, name);
    for (const StudyColumn& other : columns)
      if (other.key == column.key)
        here.fault(fmt::format("'{}' is set by the column '{}' already", column.key, other.name));
    columns.push_back(std::move(column));
  }
  return columns;
}

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

StudyMeasured read_measured(Reader reader, const CsvTable& table, bool of_collective) {
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
  const std::string name = reader.get_name("is", "figure", study_figure_names(of_collective, true), "time");
  measured.figure = study_figures().find(name);
  if (reader.get<std::string>("is", "time") == name)
    measured.factor = read_unit(reader, measured);
  else  // a fault already
    for (const char* key : {"unit", "factor"}) reader.child(key).mark_read();
  return measured;
}

std::vector<StudyCheck> read_checks(Reader reader, const CsvTable& table) {
  if (!reader.is_mapping()) reader.fault("expected a mapping: {TP: plan.tensor}");
  std::vector<StudyCheck> checks;
  for (const std::string& name : reader.keys()) {
    Reader here = reader.child(name);
    if (!reader.has(name)) continue;
    StudyCheck check{name, {}, column_at(here, table, name), 1, 0, here.value().file, here.value().line};
    check.key = here.is_scalar() ? here.as<std::string>() : here.get<std::string>("key");
    if (!here.is_scalar()) {
      check.factor = here.get_positive("factor", 1.0);
      here.get<std::string>("within", "");
      if (here.has("within")) check.within = read_share(here, "within");
    }
    checks.push_back(std::move(check));
  }
  return checks;
}

/// The part's collective or scenario.
void read_base(Reader& reader, StudyPart& part) {
  part.of_collective = reader.has("collective");
  if (part.of_collective == reader.has("scenario"))
    reader.fault(part.of_collective ? "either `collective` or `scenario`, not both"
                                    : "missing; expected `collective` or `scenario`");
  for (const char* key : {"collective", "scenario"}) reader.child(key).mark_read();
  if (const Value* base = reader.value().find(part.of_collective ? "collective" : "scenario")) part.base = *base;
  if (part.of_collective && part.base.type != Value::Type::mapping)
    reader.fault("collective", "expected a mapping: {op: all_reduce, cluster: dgx-a100}");
}

/// Those that are a key, a check, or part of the scenario's name.
std::vector<std::size_t> shown_columns(const StudyPart& part) {
  std::vector<std::size_t> shown;
  for (std::size_t i = 0; i < part.table->columns.size(); ++i) {
    const auto here = [i](const auto& column) { return column.at == i; };
    if (std::ranges::any_of(part.columns, here) || std::ranges::any_of(part.checks, here) ||
        part.base.text.find("{" + part.table->columns[i] + "}") != std::string::npos)
      shown.push_back(i);
  }
  return shown;
}

StudyPart read_part(Reader& reader, Tables& tables) {
  StudyPart part;
  part.name = reader.get<std::string>("name", "");
  read_base(reader, part);
  Reader set = reader.child("set");
  set.mark_read();
  part.set = set.value();
  if (!set.is_mapping()) set.fault("expected a mapping: {plan.micro_batch: 1}");
  part.table = tables.get(reader);
  for (const char* key : {"columns", "where", "measured", "check"})
    if (Reader here = reader.child(key); part.table == nullptr) here.mark_read();
  if (part.table == nullptr) return part;
  part.columns = read_columns(reader.child("columns"), *part.table);
  part.where = read_row_filter(reader.child("where"), part.table.get());
  part.measured = read_measured(reader.child("measured", true), *part.table, part.of_collective);
  part.checks = read_checks(reader.child("check"), *part.table);
  part.shown = shown_columns(part);
  const auto taken = [&](const CsvRow& row) { return matches(part.where, *part.table, row); };
  if (!reader.any_fault() && std::ranges::none_of(part.table->rows, taken))
    reader.fault("where", fmt::format("no row of {} is left", part.table->file));
  return part;
}

/// The parts as mappings, with what they share.
std::vector<Value> part_blocks(Reader& root) {
  Value shared;
  shared.type = Value::Type::mapping;
  shared.file = root.value().file;
  for (const char* key : part_keys) {
    root.child(key).mark_read();
    if (const Value* value = root.value().find(key)) shared[key] = *value;
  }
  if (!root.has("parts")) return {shared};
  std::vector<Value> blocks;
  for (Reader& item : root.child("parts").items()) {
    if (!item.has("name")) item.fault("name", "missing; a part has a name");
    item.mark_read();
    if (item.is_mapping()) blocks.push_back(overlay(shared, item.value()));
  }
  return blocks;
}

void read_groups(Reader reader, Study& study) {
  for (const std::string& name : reader.keys()) {
    StudyGroup group{name, {}};
    for (const StudyPart& part : study.parts)
      if (part.table != nullptr) group.where = read_row_filter(reader.child(name), part.table.get());
    const auto same = [&](const StudyPart& part) { return part.name == name; };
    if (name == all_rows || std::ranges::any_of(study.parts, same))
      reader.fault(name, "a group needs a name of its own");
    if (std::ranges::none_of(study.parts, [](const StudyPart& part) { return part.table != nullptr; }))
      reader.child(name).mark_read();
    study.groups.push_back(std::move(group));
  }
}

std::vector<std::string> summary_names(const Study& study) {
  std::vector<std::string> names{all_rows};
  for (const StudyPart& part : study.parts)
    if (study.parts.size() > 1) names.push_back(part.name);
  for (const StudyGroup& group : study.groups) names.push_back(group.name);
  return names;
}

void finish(Reader& reader, std::vector<Fault>& faults) {
  try {
    reader.finish();
  } catch (const InputError& error) {
    add_faults(faults, error);
  }
}

}  // namespace

Study load_study(const std::string& file, const std::string& table) {
  Reader root(load_yaml(file), "study");
  Study study;
  study.file = file;
  study.name = root.get<std::string>("name", std::filesystem::path(file).stem().string());
  study.description = root.get<std::string>("description", "");
  Tables tables(table);
  std::vector<Fault> faults;
  for (Value& block : part_blocks(root)) {
    Reader reader(std::move(block), "part");
    study.parts.push_back(read_part(reader, tables));
    finish(reader, faults);
  }
  if (study.parts.empty()) root.fault("parts", "expected at least one part");
  read_groups(root.child("groups"), study);
  study.limits = read_limits(root.child("limits"), summary_names(study));
  if (!table.empty()) study.limits.clear();  // what the study promises is of its own table
  finish(root, faults);
  faults.insert(faults.end(), tables.faults.begin(), tables.faults.end());
  if (!faults.empty()) throw InputError(merged_faults(std::move(faults)));
  read_study_rows(study);
  return study;
}

}  // namespace rehearse
