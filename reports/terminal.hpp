// Pieces of a report for a terminal: numbers that line up, bars of block characters, text of a given width.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/units.hpp"

namespace rehearse {

/// Columns that UTF-8 text takes (a code point is one column).
std::size_t display_width(std::string_view text);
/// Exactly `width` columns: filled with spaces on the right, or cut with "…".
std::string left(std::string_view text, std::size_t width);
/// At least `width` columns: filled with spaces on the left.
std::string right(std::string_view text, std::size_t width);
/// Words in lines of at most `width` columns; a longer word has a line of its own.
std::vector<std::string> wrapped(std::string_view text, std::size_t width);

/// `share` (cut to 0..1) of `width` columns in eighths of a block, without filling; anything above 0 shows.
std::string bar(double share, std::size_t width);

/// "1,536".
std::string grouped(std::uint64_t number);
/// "1 GPU", "1,024 GPUs".
std::string counted(std::uint64_t number, std::string_view what, std::string_view plural = "s");
/// `digits` significant digits, but every digit of the whole part, which is grouped: "131,072", "48.9", "0.0313".
std::string significant(double number, int digits);
/// Of a share 0..1: "67.8 %"; "–" for exactly nothing.
std::string percent(double share);

/// One unit and one number of decimals for a column of numbers.
struct Scale {
  double unit = 1;          ///< what one stands for, in SI
  std::string_view symbol;  ///< "ms", "GiB"
  int decimals = 0;

  /// "31.420 s"; "–" for exactly nothing.
  [[nodiscard]] std::string text(double value) const;
};
/// The scale that shows `largest` with five significant digits, three decimals at most (seconds), or four (bytes).
Scale scale_for(Seconds largest);
Scale scale_for(Bytes largest);

}  // namespace rehearse
