// A line on standard error for those who wait at a terminal; nothing where it is none.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace rehearse {

class ProgressLine {
 public:
  /// Nothing is shown before `quiet` has passed.
  explicit ProgressLine(std::chrono::milliseconds quiet = std::chrono::milliseconds(0)) : quiet_(quiet) {}
  ~ProgressLine() { clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  /// In the place of what was shown before.
  void show(const std::string& text);
  void clear();

 private:
  std::chrono::milliseconds quiet_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::size_t shown_ = 0;  ///< bytes, which are columns or more
};

/// A bar in fewer than `width` columns: "[####....]  57/200  23.1/s  6 s left". The rate is of `fresh` of those that
/// are done, in `passed`: the others were known before.
std::string progress_bar(std::size_t done, std::size_t all, std::size_t fresh, std::chrono::duration<double> passed,
                         std::size_t width);

}  // namespace rehearse
