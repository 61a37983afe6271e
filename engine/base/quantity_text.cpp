#include "engine/base/quantity_text.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>

namespace rehearse {
namespace {

/// A unit worth 2^twos * 5^fives * threes of the SI unit; integers, so that sizes stay exact.
struct Unit {
  int twos = 0;
  int fives = 0;
  int threes = 1;  ///< 1 but for the minute (2^2 * 5 * 3) and the hour (2^4 * 5^2 * 9)
};

struct NamedUnit {
  std::string_view name;
  Unit unit;
};

constexpr std::array time_units{
    NamedUnit{"s", {}},
    NamedUnit{"ms", {-3, -3}},
    NamedUnit{"us", {-6, -6}},
    NamedUnit{"\xC2\xB5s", {-6, -6}},  // the micro sign
    NamedUnit{"\xCE\xBCs", {-6, -6}},  // the Greek letter mu
    NamedUnit{"ns", {-9, -9}},
    NamedUnit{"ps", {-12, -12}},
    NamedUnit{"min", {2, 1, 3}},
    NamedUnit{"h", {4, 2, 9}},
};

constexpr std::array prefixes{
    NamedUnit{"", {}},        NamedUnit{"k", {3, 3}},   NamedUnit{"M", {6, 6}},   NamedUnit{"G", {9, 9}},
    NamedUnit{"T", {12, 12}}, NamedUnit{"P", {15, 15}}, NamedUnit{"E", {18, 18}}, NamedUnit{"Z", {21, 21}},
    NamedUnit{"Y", {24, 24}}, NamedUnit{"Ki", {10, 0}}, NamedUnit{"Mi", {20, 0}}, NamedUnit{"Gi", {30, 0}},
    NamedUnit{"Ti", {40, 0}}, NamedUnit{"Pi", {50, 0}}, NamedUnit{"Ei", {60, 0}},
};

/// A kind of quantity: what its units end with (the rest is a prefix), and an example for messages.
struct Kind {
  std::string_view example;
  std::span<const NamedUnit> stems;  ///< what may precede the stem is one of `prefixes`
  std::string_view suffix;
  bool takes_prefix = true;
};

constexpr std::array byte_stems{NamedUnit{"B", {}}, NamedUnit{"b", {-3, 0}}};
constexpr std::array flop_stems{NamedUnit{"FLOP", {}}};

constexpr Kind seconds_kind{"3 us", time_units, "", false};
constexpr Kind bytes_kind{"80 GiB", byte_stems, ""};
constexpr Kind bytes_per_second_kind{"600 GB/s", byte_stems, "/s"};
constexpr Kind flops_kind{"2.5 TFLOP", flop_stems, ""};
constexpr Kind flops_per_second_kind{"312 TFLOP/s", flop_stems, "/s"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// The number of characters that the exponent "e-12" at the start of `text` takes; 0 where there is none ("EB").
std::size_t exponent_length(std::string_view text) {
  if (text.empty() || (text[0] != 'e' && text[0] != 'E')) return 0;
  std::size_t at = 1;
  if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
  const std::size_t digits_from = at;
  while (at < text.size() && is_digit(text[at])) ++at;
  return at > digits_from ? at : 0;
}

struct Split {
  bool negative = false;
  std::string_view digits;  ///< "1.25"
  int exponent = 0;         ///< of ten
  Unit unit;
};

[[noreturn]] void fail(const Kind& kind, std::string_view problem) {
  throw std::invalid_argument(fmt::format("{}: expected e.g. '{}'", problem, kind.example));
}

[[noreturn]] void fail_range(std::string_view text) {
  throw std::invalid_argument(fmt::format("'{}' is out of range", text));
}

Unit parse_unit(std::string_view name, const Kind& kind) {
  const std::string_view whole = name;
  if (name.ends_with(kind.suffix)) {
    name.remove_suffix(kind.suffix.size());
    for (const NamedUnit& stem : kind.stems) {
      if (!name.ends_with(stem.name)) continue;
      const std::string_view before = name.substr(0, name.size() - stem.name.size());
      for (const NamedUnit& prefix : prefixes)
        if (prefix.name == before && (kind.takes_prefix || before.empty()))
          return {stem.unit.twos + prefix.unit.twos, stem.unit.fives + prefix.unit.fives, stem.unit.threes};
    }
  }
  fail(kind, fmt::format("unknown unit '{}'", whole));
}

int parse_exponent(std::string_view digits, std::string_view text) {
  if (digits.starts_with('+')) digits.remove_prefix(1);
  int exponent = 0;
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
  if (result.ec != std::errc{} || std::abs(exponent) > 1000) fail_range(text);
  return exponent;
}

Split split(std::string_view text, const Kind& kind) {
  std::string_view rest = trimmed(text);
  Split out;
  if (!rest.empty() && (rest[0] == '+' || rest[0] == '-')) {
    out.negative = rest[0] == '-';
    rest.remove_prefix(1);
  }
  std::size_t length = 0;
  std::size_t dots = 0;
  while (length < rest.size() && (is_digit(rest[length]) || (rest[length] == '.' && dots == 0)))
    dots += rest[length++] == '.' ? 1U : 0U;
  if (length == dots) fail(kind, fmt::format("'{}' is not a quantity", text));
  out.digits = rest.substr(0, length);
  const std::size_t exponent = exponent_length(rest.substr(length));
  if (exponent > 0) out.exponent = parse_exponent(rest.substr(length + 1, exponent - 1), text);
  const std::string_view unit = trimmed(rest.substr(length + exponent));
  if (unit.empty()) fail(kind, "missing unit");
  out.unit = parse_unit(unit, kind);
  return out;
}

/// Powers of ten go into the decimal text, powers of two are exact: "2.039 TB/s" is the double 2.039e12.
double parse_real(std::string_view text, const Kind& kind) {
  const Split parts = split(text, kind);
  const std::string number = fmt::format("{}e{}", parts.digits, parts.exponent + parts.unit.fives);
  double value = 0.0;
  if (std::from_chars(number.data(), number.data() + number.size(), value).ec != std::errc{}) fail_range(text);
  value = std::ldexp(value * parts.unit.threes, parts.unit.twos - parts.unit.fives);
  if (!std::isfinite(value)) fail_range(text);
  return parts.negative ? -value : value;
}

/// digits * 2^twos * 5^fives as an integer; exact, or an error.
std::uint64_t exact_product(std::uint64_t digits, int twos, int fives, std::string_view text) {
  constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
  if (digits == 0) return 0;
  const auto scale = [&](std::uint64_t factor, int power) {
    for (; power < 0; ++power) {
      if (digits % factor != 0) throw std::invalid_argument(fmt::format("'{}' is not a whole number of bytes", text));
      digits /= factor;
    }
    for (; power > 0; --power) {
      if (digits > most / factor) fail_range(text);
      digits *= factor;
    }
  };
  if (twos < 0) scale(2, twos);  // divisions first: they keep the product small
  scale(5, fives);
  if (twos > 0) scale(2, twos);
  if (digits > most) fail_range(text);
  return digits;
}

/// Four significant digits and the prefix that fits; each prefix is `step` times the one before.
std::string with_prefix(double value, double step, std::span<const std::string_view> prefix, std::string_view unit) {
  std::size_t at = 0;
  const auto go_up = [&] {
    value /= step;
    ++at;
  };
  while (at + 1 < prefix.size() && std::abs(value) >= step) go_up();
  // 999.96 prints as 1000, which is 1 of the next prefix.
  if (at + 1 < prefix.size() && std::abs(std::stod(fmt::format("{:.4g}", value))) >= step) go_up();
  return fmt::format("{:.4g} {}{}", value, prefix[at], unit);
}

constexpr std::array<std::string_view, 9> decimal_prefixes{"", "k", "M", "G", "T", "P", "E", "Z", "Y"};
constexpr std::array<std::string_view, 7> binary_prefixes{"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
constexpr std::array<std::string_view, 4> small_prefixes{"n", "u", "m", ""};

}  // namespace

Seconds parse_seconds(std::string_view text) { return Seconds(parse_real(text, seconds_kind)); }
BytesPerSecond parse_bytes_per_second(std::string_view text) {
  return BytesPerSecond(parse_real(text, bytes_per_second_kind));
}
Flops parse_flops(std::string_view text) { return Flops(parse_real(text, flops_kind)); }
FlopsPerSecond parse_flops_per_second(std::string_view text) {
  return FlopsPerSecond(parse_real(text, flops_per_second_kind));
}

Bytes parse_bytes(std::string_view text) {
  const Split parts = split(text, bytes_kind);
  std::string digits(parts.digits);
  int exponent = parts.exponent;
  if (const std::size_t dot = digits.find('.'); dot != std::string::npos) {
    exponent -= static_cast<int>(digits.size() - dot - 1);
    digits.erase(dot, 1);
  }
  for (; digits.size() > 1 && digits.back() == '0'; ++exponent) digits.pop_back();
  std::uint64_t value = 0;
  if (std::from_chars(digits.data(), digits.data() + digits.size(), value).ec != std::errc{}) fail_range(text);
  const auto whole =
      static_cast<std::int64_t>(exact_product(value, exponent + parts.unit.twos, exponent + parts.unit.fives, text));
  return Bytes(parts.negative ? -whole : whole);
}

std::string to_text(Seconds s) {
  const double size = std::abs(s.value());
  if (size >= 7200.0) return fmt::format("{:.4g} h", s.value() / 3600.0);
  if (size >= 600.0) return fmt::format("{:.4g} min", s.value() / 60.0);
  if (size < 1.0 && size > 0.0) return with_prefix(s.value() * 1e9, 1000.0, small_prefixes, "s");
  return fmt::format("{:.4g} s", s.value());
}

std::string to_text(Bytes b) { return with_prefix(static_cast<double>(b.value()), 1024.0, binary_prefixes, "B"); }
std::string to_text(BytesPerSecond r) { return with_prefix(r.value(), 1000.0, decimal_prefixes, "B/s"); }
std::string to_text(Flops f) { return with_prefix(f.value(), 1000.0, decimal_prefixes, "FLOP"); }
std::string to_text(FlopsPerSecond r) { return with_prefix(r.value(), 1000.0, decimal_prefixes, "FLOP/s"); }

}  // namespace rehearse
