// "--set plan.tensor=4": a dotted path and a YAML value.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "engine/base/document.hpp"

namespace rehearse {
namespace {

struct Setting {
  std::string source;  ///< "--set plan.tensor=4", the file of the values that it makes
  std::vector<std::string> path;
  Value value;
};

[[noreturn]] void fail(const std::string& source, std::string key_path, std::string message) {
  throw InputError({Fault{source, 0, std::move(key_path), std::move(message)}});
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

Setting parse_setting(std::string_view text) {
  constexpr const char* expected = "expected KEY=VALUE with a dotted key, e.g. 'plan.tensor=4'";
  Setting out{fmt::format("--set {}", text), {}, {}};
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) fail(out.source, {}, fmt::format("no '='; {}", expected));
  const std::string_view key = text.substr(0, equals);
  const std::string_view value = text.substr(equals + 1);
  for (std::size_t from = 0; from <= key.size();) {
    const std::size_t dot = std::min(key.find('.', from), key.size());
    if (dot == from) fail(out.source, {}, fmt::format("an empty key; {}", expected));
    out.path.emplace_back(key.substr(from, dot - from));
    from = dot + 1;
  }
  if (value.find_first_not_of(" \t\r\n") == std::string_view::npos)
    fail(out.source, std::string(key), "no value; write null to clear a key, \"\" for an empty text");
  out.value = parse_setting_value(value, out.source, key);
  return out;
}

Value& sequence_item(Value& sequence, const Setting& setting, const std::string& step, const std::string& so_far) {
  std::size_t at = 0;
  const char* const end = step.data() + step.size();
  const auto result = std::from_chars(step.data(), end, at);
  if (result.ec != std::errc{} || result.ptr != end || at >= sequence.items.size())
    fail(setting.source, so_far,
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
    at.file = setting.source;
    at.line = 0;
  }
  const bool is_new = at.find(step) == nullptr;
  Value& next = at[step];
  if (is_new) {
    next.file = setting.source;
    next.line = 0;
  }
  return next;
}

}  // namespace

void apply_setting(Value& root, std::string_view key_equals_value) {
  Setting setting = parse_setting(key_equals_value);
  Value* at = &root;
  std::string so_far;
  for (const std::string& step : setting.path) {
    at = &step_into(*at, setting, step, so_far);
    so_far += (so_far.empty() ? "" : ".") + step;
  }
  *at = std::move(setting.value);
}

}  // namespace rehearse
