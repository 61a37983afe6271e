#include "cli/progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

namespace rehearse {

void ProgressLine::show(const std::string& text) {
  if (isatty(STDERR_FILENO) == 0 || std::chrono::steady_clock::now() - begin_ < quiet_) return;
  fmt::print(stderr, "\r{:{}}", text, shown_);
  shown_ = text.size();
  std::fflush(stderr);
}

void ProgressLine::clear() {
  if (shown_ == 0) return;
  fmt::print(stderr, "\r{:{}}\r", "", shown_);
  shown_ = 0;
  std::fflush(stderr);
}

std::string progress_bar(std::size_t done, std::size_t all, std::size_t fresh, std::chrono::duration<double> passed,
                         std::size_t width) {
  std::string text = fmt::format("{}/{}", done, all);
  if (fresh > 0 && passed.count() > 0) {
    const double rate = static_cast<double>(fresh) / passed.count();
    text += fmt::format("  {:.1f}/s  {:.0f} s left", rate, static_cast<double>(all - done) / rate);
  }
  constexpr std::size_t bar = 24, around = 4;  // "[", "]", two spaces
  if (width > text.size() + bar + around) {
    const std::size_t full = all == 0 ? bar : std::min(bar, bar * done / all);
    text = fmt::format("[{:#<{}}{:.<{}}]  {}", "", full, "", bar - full, text);
  }
  return text.substr(0, width == 0 ? 0 : width - 1);  // a full last column would wrap
}

}  // namespace rehearse
