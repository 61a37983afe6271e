// Study: from YAML and its tables.
#include <algorithm>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "engine/base/table.hpp"
#include "scenarios/study.hpp"
#include "scenarios/study_columns.hpp"
#include "scenarios/study_limits.hpp"
#include "scenarios/study_rows.hpp"

namespace rehearse {

namespace {

/// What the parts of a study may share.
std::vector<std::string> part_keys() {
  std::vector<std::string> keys{"table", "columns", "where", "set", "measured", "check"};
  for (const StudyBase& base : study_bases()) keys.emplace_back(base.name);
  return keys;
}

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

/// What the part's rows are simulated as.
void read_base(Reader& reader, StudyPart& part) {
  std::string names, found;
  int given = 0;
  for (const StudyBase& base : study_bases()) {
    names += fmt::format("{}`{}`", names.empty() ? "" : ", ", base.name);
    reader.child(base.name).mark_read();
    if (!reader.has(base.name)) continue;
    ++given;
    found += fmt::format("{}`{}`", found.empty() ? "" : ", ", base.name);
    part.base = &base;
    part.from = *reader.value().find(base.name);
  }
  if (given == 0) reader.fault("missing; expected one of " + names);
  if (given > 1) reader.fault("expected one of them alone; found " + found);
  if (part.base == nullptr) part.base = &*study_bases().begin();
  const Value::Type type = part.from.type;
  if (given == 1 && type != Value::Type::mapping && !(part.base->may_be_name && type == Value::Type::scalar))
    reader.fault(part.base->name,
                 fmt::format("expected {}{}", part.base->may_be_name ? "" : "a mapping: ", part.base->example));
}

/// Those that are a key, a check, or part of the scenario's name.
std::vector<std::size_t> shown_columns(const StudyPart& part) {
  std::vector<std::size_t> shown;
  for (std::size_t i = 0; i < part.table->columns.size(); ++i) {
    const auto here = [i](const auto& column) { return column.at == i; };
    if (std::ranges::any_of(part.columns, here) || std::ranges::any_of(part.checks, here) ||
        part.from.text.find("{" + part.table->columns[i] + "}") != std::string::npos)
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
  part.measured = read_measured(reader.child("measured", true), *part.table, *part.base);
  part.checks = read_checks(reader.child("check"), *part.table, *part.base);
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
  for (const std::string& key : part_keys()) {
    root.child(key).mark_read();
    if (const Value* value = root.value().find(key)) shared[key] = *value;
  }
  if (!root.has("parts")) return {shared};
  std::vector<Value> blocks;
  for (Reader& item : root.child("parts").items()) {
    const std::string name = item.get<std::string>("name", "");
    const auto same = [&](const Value& block) {
      return block.find("name") != nullptr && block.find("name")->text == name;
    };
    if (name.empty()) item.fault("name", "missing; a part has a name");
    if (name == all_rows || std::ranges::any_of(blocks, same)) item.fault("name", "a part needs a name of its own");
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
