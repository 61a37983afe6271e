// Sweep: from YAML.
#include <algorithm>
#include <filesystem>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "engine/base/table.hpp"
#include "platforms/catalogue.hpp"
#include "scenarios/result_figures.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/study_rows.hpp"
#include "scenarios/sweep.hpp"
#include "scenarios/sweep_axes.hpp"
#include "scenarios/sweep_check.hpp"

namespace rehearse {

namespace {

/// The axes and the cases, and which keys they set: no two may set the same.
class DimensionsReader {
 public:
  DimensionsReader(Sweep& sweep, std::vector<Fault>& faults) : sweep_(sweep), faults_(faults) {
    columns_ = sweep_heading(Sweep{});
  }

  /// What sets keys of every point: no axis may set them again.
  void take_for_all(const std::string& who, const Setting& setting) { taken_.push_back({setting.key, who}); }

  /// A study, or one of its groups.
  void read_group(Reader& reader) {
    const bool cases = reader.has("cases");
    const std::string how = reader.get_name("sweep", "way to combine axes", {"grid", "zip", "list"},
                                            cases && !reader.has("axes") ? "list" : "grid");
    const char* other = how == "list" ? "axes" : "cases";
    if (reader.has(other)) {
      reader.fault(other, fmt::format("a {} has `{}`, not `{}`", how, how == "list" ? "cases" : "axes", other));
      reader.child(other).mark_read();
    }
    if (how == "list")
      read_cases(reader.child("cases", true));
    else
      read_axes(reader.child("axes", true), how == "zip");
  }

 private:
  struct Taken {
    std::string key, who;
  };

  void claim(const std::string& who, const std::vector<Setting>& settings) {
    for (const Setting& setting : settings) claim(who, setting);
  }

  void claim(const std::string& who, const Setting& setting) {
    const auto fault = [&](std::string message) {
      faults_.push_back({setting.value.file, setting.value.line, setting.key, std::move(message)});
    };
    for (const Taken& taken : taken_) {
      if (taken.who == who && taken.key == setting.key) return;
      if (taken.who == who) continue;
      if (taken.key == setting.key) return fault(fmt::format("is set by {} already", taken.who));
      if (taken.key.starts_with(setting.key + "."))
        return fault(fmt::format("takes the place of {}, which {} sets before it", taken.key, taken.who));
    }
    taken_.push_back({setting.key, who});
  }

  void claim_column(Reader& reader, const std::string& name) {
    if (std::ranges::find(columns_, name) != columns_.end())
      reader.fault(name, fmt::format("'{}' is a column of the table already", name));
    columns_.push_back(name);
  }

  void read_axes(Reader reader, bool zip) {
    if (!reader.is_mapping()) reader.fault("expected a mapping: {plan.tensor: [1, 2, 4]}");
    std::vector<SweepAxis> axes;
    for (const std::string& name : reader.keys()) {
      axes.push_back(read_axis(reader, name));
      claim_column(reader, name);
      for (const SweepChoice& choice : axes.back().choices) claim(fmt::format("the axis '{}'", name), choice.settings);
    }
    if (reader.is_mapping() && axes.empty()) reader.fault("expected at least one axis");
    if (zip) return add_zip(reader, std::move(axes));
    for (SweepAxis& axis : axes) sweep_.dimensions.push_back({{axis.name}, std::move(axis.choices)});
  }

  void add_zip(Reader& reader, std::vector<SweepAxis> axes) {
    SweepDimension dimension;
    for (SweepAxis& axis : axes) {
      if (!axis.choices.empty() && !axes[0].choices.empty() && axis.choices.size() != axes[0].choices.size())
        reader.fault(axis.name, fmt::format("{} values, and '{}' has {}; a zip takes axes of the same length",
                                            axis.choices.size(), axes[0].name, axes[0].choices.size()));
      dimension.columns.push_back(axis.name);
      dimension.choices.resize(std::max(dimension.choices.size(), axis.choices.size()));
      for (std::size_t i = 0; i < axis.choices.size(); ++i) {
        SweepChoice &to = dimension.choices[i], &from = axis.choices[i];
        std::ranges::move(from.cells, std::back_inserter(to.cells));
        std::ranges::move(from.settings, std::back_inserter(to.settings));
      }
    }
    sweep_.dimensions.push_back(std::move(dimension));
  }

  void read_cases(Reader reader) {
    SweepDimension dimension;
    for (Reader& item : reader.items()) {
      dimension.choices.push_back({{}, read_settings(item)});
      const std::vector<Setting>& settings = dimension.choices.back().settings;
      claim("the list of cases", settings);
      for (const Setting& setting : settings)
        if (std::ranges::find(dimension.columns, setting.key) == dimension.columns.end()) {
          claim_column(item, setting.key);
          dimension.columns.push_back(setting.key);
        }
    }
    if (reader.is_sequence() && dimension.choices.empty()) reader.fault("expected at least one case");
    for (SweepChoice& choice : dimension.choices)
      for (const std::string& column : dimension.columns) {
        const auto found = std::ranges::find(choice.settings, column, &Setting::key);
        choice.cells.push_back(found == choice.settings.end() ? std::string{} : cell_text(found->value));
      }
    sweep_.dimensions.push_back(std::move(dimension));
  }

  Sweep& sweep_;
  std::vector<Fault>& faults_;
  std::vector<Taken> taken_;
  std::vector<std::string> columns_;
};

/// The scenario that all points start from, with its bases; nothing after a fault.
Value read_base(Reader& root, std::vector<Fault>& faults) {
  Reader reader = root.child("base", true);
  reader.mark_read();
  if (!root.has("base")) return {};
  const Value& base = reader.value();
  if (base.type == Value::Type::sequence) {
    reader.fault("expected a scenario: a name, a file, or a mapping");
    return {};
  }
  try {
    const bool named = base.type == Value::Type::scalar;
    return resolve_scenario(named ? load_entry("scenarios", base.text, {base.file, base.line, "base", {}}) : base);
  } catch (const InputError& error) {
    add_faults(faults, error);
    return {};
  }
}

std::vector<std::string> read_shown(Reader& root) {
  std::vector<std::string> names{exposed_comm_figure}, shown;
  for (const ResultFigure& figure : figures_of_results())
    if (figure.number) names.push_back(figure.name);
  Reader columns = root.child("columns");
  if (!root.has("columns")) return {};
  for (Reader& item : columns.items()) {
    shown.push_back(item.as<std::string>());
    if (item.is_scalar() && std::ranges::find(names, shown.back()) == names.end())
      item.fault(unknown_name("figure", shown.back(), names));
  }
  return shown;
}

/// Of the command line and of the study: what all points share.
std::vector<Setting> read_shared(Reader& root, const SweepOptions& options, DimensionsReader& dimensions,
                                 std::vector<Fault>& faults) {
  std::vector<Setting> shared;
  if (root.has("set")) {
    shared = read_settings(root.child("set"));
    for (const Setting& setting : shared) dimensions.take_for_all("`set`", setting);
  }
  for (const std::string& text : options.settings) try {
      shared.push_back(parse_setting(text));
      dimensions.take_for_all(shared.back().value.file, shared.back());
    } catch (const InputError& error) {
      add_faults(faults, error);
    }
  return shared;
}

void read_dimensions(Reader& root, DimensionsReader& dimensions) {
  const Value* how = root.value().find("sweep");
  if (how == nullptr || how->type != Value::Type::sequence) return dimensions.read_group(root);
  for (const char* key : {"axes", "cases"})
    if (root.has(key)) root.fault(key, "belongs into a group where `sweep` is a list of groups");
  Reader groups = root.child("sweep");
  if (how->items.empty()) groups.fault("expected at least one group: {sweep: zip, axes: {...}}");
  for (Reader& group : groups.items()) dimensions.read_group(group);
}

Value load_file(const std::string& name_or_path) {
  const bool path = name_or_path.find('/') != std::string::npos || name_or_path.ends_with(".yaml");
  return path ? load_yaml(name_or_path) : load_entry("studies", name_or_path);
}

/// What was noted of form.
void finish(Reader& root, std::vector<Fault> faults) {
  try {
    root.finish();
  } catch (const InputError& error) {
    add_faults(faults, error);
  }
  if (!faults.empty()) throw InputError(merged_faults(std::move(faults)));
}

}  // namespace

Sweep load_sweep(const std::string& name_or_path, const SweepOptions& options) {
  Reader root(load_file(name_or_path), "study");
  std::vector<Fault> faults;
  Sweep sweep;
  sweep.file = root.value().file;
  sweep.name = root.get<std::string>("name", std::filesystem::path(sweep.file).stem().string());
  sweep.description = root.get<std::string>("description", "");
  sweep.base = read_base(root, faults);
  DimensionsReader dimensions(sweep, faults);
  const std::vector<Setting> shared = read_shared(root, options, dimensions, faults);
  read_dimensions(root, dimensions);
  sweep.shown = read_shown(root);
  if (sweep.size() > large_sweep && !options.large)
    root.fault(fmt::format("{} points; more than {} need --yes", sweep.size(), large_sweep));
  try {
    sweep.base = resolve_scenario(std::move(sweep.base), shared);
  } catch (const InputError& error) {
    add_faults(faults, error);
  }
  finish(root, std::move(faults));
  check_sweep(sweep);
  return sweep;
}

}  // namespace rehearse
