// How far a calibration is: a line that is redrawn on a terminal, else a line of plain text for every tenth.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <optional>
#include <string>

#include "platforms/calibrate/calibrate.hpp"

namespace rehearse {

/// Of the terminal that standard error is; 0: it is none.
std::size_t terminal_width();

/// Bar, cases, time and family in fewer than `width` columns.
std::string progress_line(const Progress& progress, std::size_t width);

/// An OnProgress. What has no family (`what`) is the last call.
class ProgressBar {
 public:
  /// `width` of the terminal that `out` is; 0: it is none.
  ProgressBar(std::ostream& out, std::size_t width) : out_(out), width_(width) {}
  void operator()(const Progress& progress);

 private:
  void redraw(const Progress& progress);
  void print(const Progress& progress);

  std::ostream& out_;
  std::size_t width_;
  std::optional<Seconds> drawn_;  // when, in time spent
  std::size_t tenths_ = 0;
};

}  // namespace rehearse
