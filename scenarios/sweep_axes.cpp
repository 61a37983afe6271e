#include "scenarios/sweep_axes.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "scenarios/study_filter.hpp"

namespace rehearse {

namespace {

constexpr const char* expected_axis = "expected a list of values, or a range: {from: 1, to: 8, step: 1}";

/// "25 GB/s": 25 and "GB/s".
struct Amount {
  double number = 0;
  std::string unit;
};

std::optional<Amount> read_amount(Reader& reader, const char* key) {
  const std::string text = reader.get<std::string>(key);
  if (text.empty()) return std::nullopt;  // a fault already
  Amount out;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), out.number);
  if (result.ec != std::errc{} || !std::isfinite(out.number)) {
    reader.fault(key, fmt::format("expected a number, maybe with a unit; found '{}'", text));
    return std::nullopt;
  }
  out.unit = text.substr(static_cast<std::size_t>(result.ptr - text.data()));
  out.unit.erase(0, out.unit.find_first_not_of(' '));
  return out;
}

struct Range {
  Amount from, to;
  double step = 1;  ///< added; or multiplied by where it is `doubling`
  bool doubling = false;

  /// A little more than a whole step is one: steps need not be exact in binary.
  [[nodiscard]] double last() const {
    const double steps =
        doubling ? std::log(to.number / from.number) / std::log(step) : (to.number - from.number) / step;
    return std::floor(steps + 1e-9);
  }
  [[nodiscard]] std::string value(double at) const {
    const double exact = doubling ? from.number * std::pow(step, at) : from.number + at * step;
    const std::string number = number_text(*number_of_cell(fmt::format("{:.12g}", exact)));
    return from.unit.empty() ? number : number + " " + from.unit;
  }
};

/// What its bounds and step do not allow; empty: nothing.
std::string wrong_range(const Range& range) {
  if (range.from.unit != range.to.unit)
    return fmt::format("`from` is in '{}' and `to` in '{}'; expected the same unit", range.from.unit, range.to.unit);
  if (range.doubling && !(range.from.number > 0)) return "a logarithmic range begins above 0";
  if (range.from.number > range.to.number)
    return fmt::format("from {} down to {}; expected `from` not above `to`", number_text(range.from.number),
                       number_text(range.to.number));
  if (range.last() + 1 > static_cast<double>(large_sweep))
    return fmt::format("a range of {:.6g} values; expected at most {}", range.last() + 1, large_sweep);
  return {};
}

/// Of what goes from one value to the next.
double read_step(Reader& reader, const Range& range) {
  if (range.doubling) {
    const double factor = reader.get<double>("factor", 2);
    if (!(factor > 1)) reader.fault("factor", "expected a factor above 1");
    return std::max(factor, 1 + 1e-3);
  }
  const std::optional<Amount> step = read_amount(reader, "step");
  if (!step) return 1;
  if (!step->unit.empty() && step->unit != range.from.unit)
    reader.fault("step", fmt::format("in '{}', `from` in '{}'; expected the same unit", step->unit, range.from.unit));
  if (step->number > 0) return step->number;
  reader.fault("step", "expected a step above 0");
  return std::max(std::abs(range.to.number - range.from.number), 1.0);
}

SweepChoice choice_of(const std::string& key, const Value& value) { return {{cell_text(value)}, {{key, value}}}; }

std::vector<SweepChoice> read_range(Reader& reader, const std::string& key) {
  const std::optional<Amount> from = read_amount(reader, "from"), to = read_amount(reader, "to");
  Range range;
  range.doubling = reader.get_name("scale", "scale", {"linear", "log2"}, "linear") == "log2";
  if (from && to) range.from = *from, range.to = *to;
  range.step = read_step(reader, range);
  if (!from || !to) return {};
  if (const std::string wrong = wrong_range(range); !wrong.empty()) {
    reader.fault(wrong);
    return {};
  }
  std::vector<SweepChoice> choices;
  for (double at = 0; at <= range.last(); ++at) {
    Value value = scalar_value(range.value(at));
    value.file = reader.value().file;
    value.line = reader.value().line;
    choices.push_back(choice_of(key, value));
  }
  return choices;
}

bool is_labelled(const Reader& item) { return item.is_mapping() && (item.has("set") || item.has("label")); }

std::vector<SweepChoice> read_labelled(std::vector<Reader> items) {
  std::vector<SweepChoice> choices;
  for (Reader& item : items) {
    if (!is_labelled(item)) {
      item.fault("expected {label: ..., set: {KEY: VALUE}}, as the others are");
      item.mark_read();
      continue;
    }
    SweepChoice choice{{item.get<std::string>("label")}, read_settings(item.child("set", true))};
    const auto same = [&](const SweepChoice& other) { return other.cells == choice.cells; };
    if (std::ranges::any_of(choices, same)) item.fault("label", "another point of this axis has the same label");
    if (choice.cells[0].find_first_of("\r\n") != std::string::npos) item.fault("label", "expected one line");
    choices.push_back(std::move(choice));
  }
  return choices;
}

void write_inline(const Value& value, std::string& out) {
  const bool mapping = value.type == Value::Type::mapping;
  if (!mapping && value.type != Value::Type::sequence) {
    out += to_yaml(value);
    out.pop_back();  // the newline
    return;
  }
  out += mapping ? '{' : '[';
  for (std::size_t i = 0; i < value.items.size(); ++i) {
    if (i > 0) out += ", ";
    if (mapping) out += value.keys[i] + ": ";
    write_inline(value.items[i], out);
  }
  out += mapping ? '}' : ']';
}

}  // namespace

std::string cell_text(const Value& value) {
  std::string out;
  const bool plain = value.type == Value::Type::scalar && value.text.find_first_of("\r\n") == std::string::npos;
  if (plain) return value.text;
  write_inline(value, out);
  return out;
}

std::vector<Setting> read_settings(Reader reader) {
  std::vector<Setting> settings;
  if (!reader.is_mapping()) {
    reader.fault("expected a mapping: {plan.micro_batch: 1}");
  } else {
    for (std::size_t i = 0; i < reader.value().keys.size(); ++i)
      settings.push_back({reader.value().keys[i], reader.value().items[i]});
    if (settings.empty()) reader.fault("expected at least one KEY: VALUE");
  }
  reader.mark_read();
  return settings;
}

SweepAxis read_axis(Reader& axes, const std::string& name) {
  SweepAxis axis{name, {}};
  Reader reader = axes.child(name);
  if (!axes.has(name) || (reader.is_sequence() && reader.value().items.empty())) {
    axes.fault(name, fmt::format("an empty axis; {}", expected_axis));
  } else if (reader.is_mapping()) {
    axis.choices = read_range(reader, name);
  } else if (reader.is_scalar()) {
    reader.fault(fmt::format("{}; found '{}'", expected_axis, reader.value().text));
  } else if (const std::vector<Reader> items = reader.items(); std::ranges::any_of(items, is_labelled)) {
    axis.choices = read_labelled(items);
  } else {
    reader.mark_read();
    for (const Value& value : reader.value().items) axis.choices.push_back(choice_of(name, value));
  }
  return axis;
}

}  // namespace rehearse
