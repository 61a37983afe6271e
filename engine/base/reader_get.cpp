// Reader: values as types.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "engine/base/document.hpp"
#include "engine/base/quantity_text.hpp"
#include "engine/base/table.hpp"

namespace rehearse {
namespace {

/// What of a value a message shows.
std::string shown(const Value& value) {
  constexpr std::size_t most = 60;
  switch (value.type) {
    case Value::Type::null: return "nothing";
    case Value::Type::sequence: return "a list";
    case Value::Type::mapping: return "a mapping";
    case Value::Type::scalar: break;
  }
  const std::string text = value.text.size() > most ? value.text.substr(0, most) + "..." : value.text;
  return value.quoted ? fmt::format("the text '{}'", text) : fmt::format("'{}'", text);
}

[[noreturn]] void fail(std::string_view expected, const Value& value) {
  throw std::invalid_argument(fmt::format("expected {}, found {}", expected, shown(value)));
}

template <class Number>
Number parse_number(const Value& value, std::string_view expected) {
  std::string_view text = value.text;
  if (value.quoted) fail(expected, value);
  if (text.starts_with('+') && text.size() > 1 && text[1] != '-') text.remove_prefix(1);
  Number number{};
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  if (result.ec == std::errc::invalid_argument || result.ptr != text.data() + text.size()) fail(expected, value);
  if (result.ec != std::errc{})
    throw std::invalid_argument(fmt::format("expected {}, found {}, which is out of range", expected, shown(value)));
  return number;
}

template <class T>
struct Form;  // how a T is written: `expected`, for messages, and `read`, from a scalar

template <>
struct Form<std::string> {
  static constexpr std::string_view expected = "a text";
  static std::string read(const Value& value) { return value.text; }
};
template <>
struct Form<bool> {
  static constexpr std::string_view expected = "true or false";
  static bool read(const Value& value) {
    if (value.quoted || (value.text != "true" && value.text != "false")) fail(expected, value);
    return value.text == "true";
  }
};
template <>
struct Form<std::int64_t> {
  static constexpr std::string_view expected = "a whole number";
  static std::int64_t read(const Value& value) { return parse_number<std::int64_t>(value, expected); }
};
template <>
struct Form<double> {
  static constexpr std::string_view expected = "a number";
  static double read(const Value& value) {
    const double number = parse_number<double>(value, expected);
    if (!std::isfinite(number)) fail(expected, value);
    return number;
  }
};
template <>
struct Form<Seconds> {
  static constexpr std::string_view expected = "a time, e.g. '3 us'";
  static Seconds read(const Value& value) { return parse_seconds(value.text); }
};
template <>
struct Form<Bytes> {
  static constexpr std::string_view expected = "a size, e.g. '80 GiB'";
  static Bytes read(const Value& value) { return parse_bytes(value.text); }
};
template <>
struct Form<BytesPerSecond> {
  static constexpr std::string_view expected = "a rate, e.g. '600 GB/s'";
  static BytesPerSecond read(const Value& value) { return parse_bytes_per_second(value.text); }
};
template <>
struct Form<Flops> {
  static constexpr std::string_view expected = "a number of operations, e.g. '2.5 TFLOP'";
  static Flops read(const Value& value) { return parse_flops(value.text); }
};
template <>
struct Form<FlopsPerSecond> {
  static constexpr std::string_view expected = "a rate, e.g. '312 TFLOP/s'";
  static FlopsPerSecond read(const Value& value) { return parse_flops_per_second(value.text); }
};

/// The value as T, or nothing and why.
template <class T>
std::optional<T> convert(const Value& value, std::string& problem) {
  try {
    if (value.type != Value::Type::scalar) fail(Form<T>::expected, value);
    return Form<T>::read(value);
  } catch (const std::invalid_argument& error) {
    problem = error.what();
    return std::nullopt;
  }
}

/// The value found at `key`, which may be none, as T; a fault where that fails.
template <class T>
std::optional<T> take(Reader& reader, std::string_view key, const Value* found) {
  std::string problem;
  std::optional<T> out;
  if (found == nullptr)
    problem = fmt::format("missing; expected {}", Form<T>::expected);
  else
    out = convert<T>(*found, problem);
  if (!problem.empty()) reader.fault(key, problem);
  if (found != nullptr && !out) reader.child(key).mark_read();  // the keys below are not unknown as well
  return out;
}

constexpr double number_of(double value) { return value; }
constexpr double number_of(std::int64_t value) { return static_cast<double>(value); }
template <class T>
requires requires(T quantity) { quantity.value(); }
constexpr double number_of(T quantity) { return static_cast<double>(quantity.value()); }

template <class T>
std::optional<T> take_positive(Reader& reader, std::string_view key, const Value* found) {
  std::optional<T> out = take<T>(reader, key, found);
  if (!out || number_of(*out) > 0.0) return out;
  reader.fault(key, fmt::format("expected more than zero, found {}", shown(*found)));
  return std::nullopt;
}

std::optional<std::int64_t> take_at_least(Reader& reader, std::string_view key, const Value* found,
                                          std::int64_t least) {
  const std::optional<std::int64_t> out = take<std::int64_t>(reader, key, found);
  if (!out || *out >= least) return out;
  reader.fault(key, fmt::format("expected at least {}, found {}", least, *out));
  return std::nullopt;
}

std::optional<std::string> take_name(Reader& reader, std::string_view key, std::string_view what,
                                     const std::vector<std::string>& names, const Value* found) {
  if (found == nullptr) {
    reader.fault(key, fmt::format("missing; expected a {}: one of: {}", what, fmt::join(names, ", ")));
    return std::nullopt;
  }
  std::optional<std::string> out = take<std::string>(reader, key, found);
  if (!out || std::find(names.begin(), names.end(), *out) != names.end()) return out;
  reader.fault(key, unknown_name(what, *out, names));
  return std::nullopt;
}

}  // namespace

template <class T>
T Reader::get(std::string_view key) {
  const Value* found = use(key);
  return take<T>(*this, key, found).value_or(T{});
}

template <class T>
T Reader::get(std::string_view key, T fallback) {
  const Value* found = use(key);
  return found == nullptr ? fallback : take<T>(*this, key, found).value_or(fallback);
}

template <class T>
T Reader::as() {
  std::string problem;
  std::optional<T> out = convert<T>(*value_, problem);
  if (!out) {
    fault(problem);
    mark_read();
  }
  return std::move(out).value_or(T{});
}

template <class T>
T Reader::get_positive(std::string_view key) {
  const Value* found = use(key);
  return take_positive<T>(*this, key, found).value_or(T{1});
}

template <class T>
T Reader::get_positive(std::string_view key, T fallback) {
  const Value* found = use(key);
  return found == nullptr ? fallback : take_positive<T>(*this, key, found).value_or(fallback);
}

std::int64_t Reader::get_at_least(std::string_view key, std::int64_t least) {
  const Value* found = use(key);
  return take_at_least(*this, key, found, least).value_or(least);
}

std::int64_t Reader::get_at_least(std::string_view key, std::int64_t least, std::int64_t fallback) {
  const Value* found = use(key);
  return found == nullptr ? fallback : take_at_least(*this, key, found, least).value_or(fallback);
}

std::string Reader::get_name(std::string_view key, std::string_view what, const std::vector<std::string>& names) {
  const Value* found = use(key);
  return take_name(*this, key, what, names, found).value_or(std::string{});
}

std::string Reader::get_name(std::string_view key, std::string_view what, const std::vector<std::string>& names,
                             const std::string& fallback) {
  const Value* found = use(key);
  return found == nullptr ? fallback : take_name(*this, key, what, names, found).value_or(fallback);
}

#define REHEARSE_READER_TYPE(T)                   \
  template T Reader::get<T>(std::string_view);    \
  template T Reader::get<T>(std::string_view, T); \
  template T Reader::as<T>();
#define REHEARSE_READER_NUMBER(T)                       \
  REHEARSE_READER_TYPE(T)                               \
  template T Reader::get_positive<T>(std::string_view); \
  template T Reader::get_positive<T>(std::string_view, T);

REHEARSE_READER_TYPE(std::string)
REHEARSE_READER_TYPE(bool)
REHEARSE_READER_NUMBER(std::int64_t)
REHEARSE_READER_NUMBER(double)
REHEARSE_READER_NUMBER(Seconds)
REHEARSE_READER_NUMBER(Bytes)
REHEARSE_READER_NUMBER(BytesPerSecond)
REHEARSE_READER_NUMBER(Flops)
REHEARSE_READER_NUMBER(FlopsPerSecond)

}  // namespace rehearse
