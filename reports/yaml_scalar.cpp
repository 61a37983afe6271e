#include "reports/yaml_scalar.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace rehearse {
namespace {

bool is_one_of(std::string_view text, std::string_view lower, std::string_view title, std::string_view upper) {
  return text == lower || text == title || text == upper;
}

/// The whole of `text` through std::from_chars.
template <class T, class... Options>
bool read_whole(std::string_view text, T& value, Options... options) {
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value, options...);
  return error == std::errc() && end == last;
}

/// from_chars takes "inf", "nan" and "infinity" for numbers; YAML does not.
bool looks_like_number(std::string_view text) {
  const bool digits_only = std::all_of(text.begin(), text.end(), [](char c) {
    return std::string_view("0123456789.eE+-").find(c) != std::string_view::npos;
  });
  return digits_only && text.find_first_of("0123456789") != std::string_view::npos;
}

}  // namespace

TypedScalar typed_scalar(std::string_view text) {
  if (text.empty() || text == "~" || is_one_of(text, "null", "Null", "NULL")) return nullptr;
  if (is_one_of(text, "true", "True", "TRUE")) return true;
  if (is_one_of(text, "false", "False", "FALSE")) return false;
  std::int64_t whole = 0;
  if (text.starts_with("0x") && read_whole(text.substr(2), whole, 16)) return whole;
  if (text.starts_with("0o") && read_whole(text.substr(2), whole, 8)) return whole;
  const std::string_view number = text.starts_with('+') ? text.substr(1) : text;
  if (!looks_like_number(number) || number.starts_with('+') || text.starts_with("+-")) return std::string(text);
  if (read_whole(number, whole)) return whole;
  double real = 0;
  if (read_whole(number, real) && std::isfinite(real)) return real;
  return std::string(text);
}

}  // namespace rehearse
