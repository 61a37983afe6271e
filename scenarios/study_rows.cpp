#include "scenarios/study_rows.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "engine/base/table.hpp"
#include "platforms/catalogue.hpp"

namespace rehearse {

namespace {

/// Reads the rows of one part.
class PartReader {
 public:
  PartReader(const StudyPart& part, std::size_t at, std::vector<Fault>& faults)
      : part_(part), at_(at), faults_(faults) {
    flatten("", part.set);
  }

  void read(std::vector<StudyRow>& out) {
    std::size_t rows = 0;
    std::vector<Fault> found;
    for (const CsvRow& row : part_.table->rows) {
      if (!matches(part_.where, *part_.table, row)) continue;
      ++rows;
      std::vector<Fault> of_row;
      read_row(row, of_row, out);
      found.insert(found.end(), of_row.begin(), of_row.end());
    }
    for (Fault& fault : found) faults_.push_back(of_every_row(found, fault, rows));
  }

 private:
  /// The settings of `set`, of which mappings are several.
  void flatten(const std::string& key, const Value& value) {
    if (value.type != Value::Type::mapping) {
      if (!key.empty()) fixed_.push_back({key, value});
      return;
    }
    for (std::size_t i = 0; i < value.keys.size(); ++i)
      flatten(key.empty() ? value.keys[i] : key + "." + value.keys[i], value.items[i]);
  }

  void read_row(const CsvRow& row, std::vector<Fault>& faults, std::vector<StudyRow>& out) const {
    const double measured = read_measured(row, faults);
    std::vector<Setting> settings = fixed_;
    for (const StudyColumn& column : part_.columns) add_cell(column, row, settings, faults);
    if (!faults.empty()) return;
    try {
      StudyRow study_row{at_, &row, measured, part_.base->read(base_of(row), settings)};
      check_keys(study_row, faults);
      out.push_back(std::move(study_row));
    } catch (const InputError& error) {
      for (const Fault& fault : error.faults()) faults.push_back(relocated(fault, settings));
    }
  }

  double read_measured(const CsvRow& row, std::vector<Fault>& faults) const {
    std::vector<double> numbers;
    for (const std::size_t column : part_.measured.columns) {
      const std::optional<double> number = number_of_cell(row.cells[column]);
      if (number && *number > 0)
        numbers.push_back(*number);
      else
        faults.push_back(fault_of(row, part_.table->columns[column],
                                  fmt::format("expected a number above 0, found '{}'", row.cells[column])));
    }
    if (numbers.empty()) return 0;
    if (part_.measured.take == StudyMeasured::Take::least) return *std::ranges::min_element(numbers);
    if (part_.measured.take == StudyMeasured::Take::most) return *std::ranges::max_element(numbers);
    double sum = 0;
    for (const double number : numbers) sum += number;
    return sum / static_cast<double>(numbers.size());
  }

  [[nodiscard]] Fault fault_of(const CsvRow& row, const std::string& column, std::string message) const {
    return {part_.table->file, row.line, column, std::move(message)};
  }

  void add_cell(const StudyColumn& column, const CsvRow& row, std::vector<Setting>& settings,
                std::vector<Fault>& faults) const {
    const std::string& cell = row.cells[column.at];
    if (cell.empty()) {
      faults.push_back(fault_of(row, column.name, "an empty cell; expected a value"));
    } else if (!column.values.empty()) {
      translate(column, row, settings, faults);
    } else {
      Value value = scalar_value(cell);
      value.file = part_.table->file;
      value.line = row.line;
      const std::optional<double> number = number_of_cell(cell);
      if (column.factor && !number)
        faults.push_back(fault_of(row, column.name, fmt::format("expected a number, found '{}'", cell)));
      if (column.factor) value.text = number_text(number.value_or(0) * *column.factor);
      if (!column.unit.empty()) value.text += " " + column.unit;
      settings.push_back({column.key, std::move(value)});
    }
  }

  void translate(const StudyColumn& column, const CsvRow& row, std::vector<Setting>& settings,
                 std::vector<Fault>& faults) const {
    const std::string& cell = row.cells[column.at];
    std::vector<std::string> known;
    for (const auto& [text, meaning] : column.values) {
      if (text == cell) {
        settings.insert(settings.end(), meaning.begin(), meaning.end());
        return;
      }
      known.push_back(text);
    }
    faults.push_back(fault_of(row, column.name, unknown_name("value", cell, known)));
  }

  /// A name's scenario; else as the study has it.
  [[nodiscard]] Value base_of(const CsvRow& row) const {
    if (part_.from.type != Value::Type::scalar) return part_.from;
    const Fault place{part_.from.file, part_.from.line, std::string(part_.base->name), {}};
    return load_entry("scenarios", scenario_name(row, place), place);
  }

  /// The name with the row's cells in it; numbers without the decimals that they do not need.
  [[nodiscard]] std::string scenario_name(const CsvRow& row, const Fault& place) const {
    std::string out;
    std::string_view rest = part_.from.text;
    for (std::size_t open = 0; (open = rest.find('{')) != std::string_view::npos;) {
      const std::size_t close = std::min(rest.find('}', open), rest.size());
      const std::string name(rest.substr(open + 1, close - open - 1));
      const std::optional<std::size_t> at = part_.table->find(name);
      if (!at)
        throw InputError(
            {Fault{place.file, place.line, place.key_path, unknown_name("column", name, part_.table->columns)}});
      const std::optional<double> number = number_of_cell(row.cells[*at]);
      out += std::string(rest.substr(0, open)) + (number ? number_text(*number) : row.cells[*at]);
      rest.remove_prefix(std::min(close + 1, rest.size()));
    }
    return out + std::string(rest);
  }

  void check_keys(const StudyRow& row, std::vector<Fault>& faults) const {
    for (const StudyCheck& check : part_.checks)
      if (check.figure == nullptr && value_at(resolved_of(row.run), check.key) == nullptr)
        faults.push_back({check.file, check.line, "check." + check.name,
                          fmt::format("'{}' is no figure and no key of the resolved {}", check.key, part_.base->name)});
  }

  /// A fault of a setting is one of the cell, or of the study, that it comes from.
  [[nodiscard]] Fault relocated(Fault fault, const std::vector<Setting>& settings) const {
    if (!fault.file.starts_with("--set ")) return fault;
    for (const Setting& setting : settings) {
      const std::size_t below = setting.key.starts_with("cluster.") ? 8 : 0;  // of a collective: without it
      if (fault.file != "--set " + setting_text(setting, setting.key) &&
          fault.file != "--set " + setting_text(setting, setting.key.substr(below)))
        continue;
      fault.file = setting.value.file;
      fault.line = setting.value.line;
      break;
    }
    return fault;
  }

  /// What is wrong in the same way in every row is wrong in the study.
  [[nodiscard]] Fault of_every_row(const std::vector<Fault>& all, Fault fault, std::size_t rows) const {
    const auto same = [&](const Fault& f) { return f.key_path == fault.key_path && f.message == fault.message; };
    if (fault.file != part_.table->file || rows < 2 ||
        std::ranges::count_if(all, same) < static_cast<std::ptrdiff_t>(rows))
      return fault;
    for (const StudyColumn& column : part_.columns) {
      const bool of_key =
          !column.key.empty() && (fault.key_path == column.key || fault.key_path.starts_with(column.key + "."));
      if (!of_key && fault.key_path != column.name) continue;
      fault.message = column.key.empty() ? fault.message : fmt::format("{}: {}", column.key, fault.message);
      fault.file = column.file;
      fault.line = column.line;
      fault.key_path = "columns." + column.name;
    }
    return fault;
  }

  const StudyPart& part_;
  std::size_t at_;
  std::vector<Fault>& faults_;
  std::vector<Setting> fixed_;
};

}  // namespace

void read_study_rows(Study& study) {
  std::vector<Fault> faults;
  for (std::size_t i = 0; i < study.parts.size(); ++i) PartReader(study.parts[i], i, faults).read(study.rows);
  if (!faults.empty()) throw InputError(merged_faults(std::move(faults)));
}

const Value* value_at(const Value& root, std::string_view path) {
  const std::size_t dot = path.find('.');
  const Value* next = root.find(path.substr(0, dot));
  return next == nullptr || dot == std::string_view::npos ? next : value_at(*next, path.substr(dot + 1));
}

std::vector<Fault> merged_faults(std::vector<Fault> faults) {
  const auto place = [](const Fault& f) { return std::tie(f.file, f.line); };
  std::ranges::stable_sort(faults, [&](const Fault& a, const Fault& b) { return place(a) < place(b); });
  std::vector<Fault> out;
  for (Fault& fault : faults) {
    const auto same = [&](const Fault& f) {
      return place(f) == place(fault) && f.key_path == fault.key_path && f.message == fault.message;
    };
    if (std::ranges::none_of(out, same)) out.push_back(std::move(fault));
  }
  return out;
}

}  // namespace rehearse
