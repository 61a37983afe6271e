// "--set plan.tensor=4": a dotted path and a YAML value.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "engine/base/document.hpp"

namespace rehearse {
namespace {

constexpr const char* expected = "expected KEY=VALUE with a dotted key, e.g. 'plan.tensor=4'";

[[noreturn]] void fail(const std::string& source, int line, std::string key_path, std::string message) {
  throw InputError({Fault{source, line, std::move(key_path), std::move(message)}});
}

/// A setting has no lines.
void forget_lines(Value& value) {
  value.line = 0;
  for (Value& item : value.items) forget_lines(item);
}

Value parse_setting_value(std::string_view text, const std::string& source, std::string_view key) {
  try {
    Value value = parse_yaml(text, source);
    forget_lines(value);
    return value;
  } catch (const InputError& error) {
    std::vector<Fault> faults = error.faults();
    for (Fault& fault : faults) {
      fault.line = 0;
      fault.key_path = key;
    }
    throw InputError(std::move(faults));
  }
}

/// The parts of a dotted key.
std::vector<std::string> steps_of(const Setting& setting) {
  std::vector<std::string> steps;
  for (std::size_t from = 0; from <= setting.key.size();) {
    const std::size_t dot = std::min(setting.key.find('.', from), setting.key.size());
    if (dot == from) fail(setting.value.file, setting.value.line, {}, fmt::format("an empty key; {}", expected));
    steps.emplace_back(setting.key.substr(from, dot - from));
    from = dot + 1;
  }
  return steps;
}

Value& sequence_item(Value& sequence, const Setting& setting, const std::string& step, const std::string& so_far) {
  std::size_t at = 0;
  const char* const end = step.data() + step.size();
  const auto result = std::from_chars(step.data(), end, at);
  if (result.ec != std::errc{} || result.ptr != end || at >= sequence.items.size())
    fail(setting.value.file, setting.value.line, so_far,
         fmt::format("is a list of {}; expected the number of an item, counted from 0, found '{}'",
                     sequence.items.size(), step));
  return sequence.items[at];
}

/// A scalar becomes the mapping {base: scalar}.
void wrap_scalar(Value& value) {
  Value mapping;
  mapping.type = Value::Type::mapping;
  mapping.file = value.file;
  mapping.line = value.line;
  mapping["base"] = std::move(value);
  value = std::move(mapping);
}

Value& step_into(Value& at, const Setting& setting, const std::string& step, const std::string& so_far) {
  if (at.type == Value::Type::sequence) return sequence_item(at, setting, step, so_far);
  if (at.type == Value::Type::scalar) wrap_scalar(at);
  if (at.type == Value::Type::null) {
    at.file = setting.value.file;
    at.line = setting.value.line;
  }
  const bool is_new = at.find(step) == nullptr;
  Value& next = at[step];
  if (is_new) {
    next.file = setting.value.file;
    next.line = setting.value.line;
  }
  return next;
}

}  // namespace

Setting parse_setting(std::string_view text) {
  Setting out;
  out.value.file = fmt::format("--set {}", text);
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) fail(out.value.file, 0, {}, fmt::format("no '='; {}", expected));
  out.key = text.substr(0, equals);
  static_cast<void>(steps_of(out));  // an empty key is a fault before an empty value
  const std::string_view value = text.substr(equals + 1);
  if (value.find_first_not_of(" \t\r\n") == std::string_view::npos)
    fail(out.value.file, 0, out.key, "no value; write null to clear a key, \"\" for an empty text");
  out.value = parse_setting_value(value, out.value.file, out.key);
  return out;
}

void apply_setting(Value& root, const Setting& setting) {
  Value* at = &root;
  std::string so_far;
  for (const std::string& step : steps_of(setting)) {
    at = &step_into(*at, setting, step, so_far);
    so_far += (so_far.empty() ? "" : ".") + step;
  }
  *at = setting.value;
}

void apply_setting(Value& root, std::string_view key_equals_value) {
  apply_setting(root, parse_setting(key_equals_value));
}

}  // namespace rehearse
