#include "reports/terminal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

namespace rehearse {
namespace {

bool begins_code_point(char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }

/// The first `columns` columns of `text`.
std::string_view first_columns(std::string_view text, std::size_t columns) {
  std::size_t seen = 0;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (begins_code_point(text[i]) && seen++ == columns) return text.substr(0, i);
  return text;
}

/// Commas into a run of digits.
std::string with_commas(std::string digits) {
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, ",");
  return digits;
}

struct Unit {
  double size;
  std::string_view symbol;
};

/// The largest unit that `value` reaches, with decimals for `digits` significant digits.
Scale scale_among(std::span<const Unit> units, double value, int digits) {
  const Unit* unit = &units.back();
  for (const Unit& u : units)
    if (value >= u.size) {
      unit = &u;
      break;
    }
  const double shown = value / unit->size;
  const int whole = shown < 10 ? 1 : static_cast<int>(std::log10(shown)) + 1;
  return {unit->size, unit->symbol, std::max(0, digits - whole)};
}

}  // namespace

std::size_t display_width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_code_point));
}

std::string left(std::string_view text, std::size_t width) {
  const std::size_t taken = display_width(text);
  if (taken <= width) return std::string(text) + std::string(width - taken, ' ');
  if (width == 0) return {};
  return std::string(first_columns(text, width - 1)) + "…";
}

std::string right(std::string_view text, std::size_t width) {
  const std::size_t taken = display_width(text);
  return std::string(width > taken ? width - taken : 0, ' ') + std::string(text);
}

std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
  std::vector<std::string> lines;
  while (true) {
    const std::size_t start = text.find_first_not_of(" \n");
    if (start == std::string_view::npos) return lines;
    text.remove_prefix(start);
    const std::string_view word = text.substr(0, text.find_first_of(" \n"));
    text.remove_prefix(word.size());
    if (!lines.empty() && display_width(lines.back()) + 1 + display_width(word) <= width)
      lines.back().append(" ").append(word);
    else
      lines.emplace_back(word);
  }
}

std::string bar(double share, std::size_t width) {
  static constexpr std::array<std::string_view, 8> part{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  if (!(share > 0)) return {};
  const double columns = std::min(share, 1.0) * static_cast<double>(width);
  const auto eighths = static_cast<std::size_t>(std::max(1L, std::lround(columns * 8)));
  std::string out;
  for (std::size_t i = 0; i < eighths / 8; ++i) out += "█";
  return out.append(part[eighths % 8]);
}

std::string grouped(std::uint64_t number) { return with_commas(fmt::to_string(number)); }

std::string counted(std::uint64_t number, std::string_view what, std::string_view plural) {
  return fmt::format("{} {}{}", grouped(number), what, number == 1 ? "" : plural);
}

std::string significant(double number, int digits) {
  if (!std::isfinite(number) || number == 0) return fmt::format("{:g}", number);
  const int whole = static_cast<int>(std::floor(std::log10(std::abs(number)))) + 1;
  std::string text = fmt::format("{:.{}f}", std::abs(number), std::max(0, digits - whole));
  const std::size_t point = std::min(text.find('.'), text.size());
  return (number < 0 ? "-" : "") + with_commas(text.substr(0, point)) + text.substr(point);
}

std::string percent(double share) { return share == 0 ? "–" : fmt::format("{:.1f} %", 100 * share); }

std::string Scale::text(double value) const {
  return value == 0 ? "–" : fmt::format("{:.{}f} {}", value / unit, decimals, symbol);
}

Scale scale_for(Seconds largest) {
  static constexpr std::array<Unit, 4> units{{{1, "s"}, {1e-3, "ms"}, {1e-6, "us"}, {1e-9, "ns"}}};
  Scale scale = scale_among(units, largest.value(), 5);
  scale.decimals = std::min(scale.decimals, 3);
  return scale;
}

Scale scale_for(Bytes largest) {
  static constexpr std::array<Unit, 5> units{
      {{0x1p40, "TiB"}, {0x1p30, "GiB"}, {0x1p20, "MiB"}, {0x1p10, "KiB"}, {1, "B"}}};
  Scale scale = scale_among(units, static_cast<double>(largest.value()), 4);
  if (scale.unit == 1) scale.decimals = 0;
  return scale;
}

}  // namespace rehearse
