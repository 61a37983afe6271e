#include "platforms/calibrate/progress_bar.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <ostream>

#include "platforms/calibrate/text.hpp"

namespace rehearse {
namespace {

/// "103 of 400 s"; the time spent alone where there is no budget.
std::string time_text(const Progress& p) {
  const std::string budget = p.budget > Seconds(0.0) ? " of " + fixed(p.budget.value(), 0) : "";
  return fixed(p.spent.value(), 0) + budget + " s";
}

}  // namespace

std::size_t terminal_width() {
  if (isatty(STDERR_FILENO) == 0) return 0;
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

std::string progress_line(const Progress& p, std::size_t width) {
  std::string text = grouped(p.done) + "/" + grouped(p.cases) + "  " + time_text(p);
  if (!p.what.empty()) text += "  " + std::string(p.what);
  constexpr std::size_t bar = 24, around = 4;  // "[", "]", two spaces
  if (width > text.size() + bar + around) {
    const std::size_t full = p.cases == 0 ? bar : std::min(bar, bar * p.done / p.cases);
    text = "[" + std::string(full, '#') + std::string(bar - full, '.') + "]  " + text;
  }
  return text.substr(0, width == 0 ? 0 : width - 1);  // a full last column would wrap
}

void ProgressBar::operator()(const Progress& progress) { width_ > 0 ? redraw(progress) : print(progress); }

void ProgressBar::redraw(const Progress& p) {
  const bool last = p.what.empty();
  if (!last && drawn_ && p.spent - *drawn_ < Seconds(0.1)) return;
  drawn_ = p.spent;
  out_ << '\r' << progress_line(p, width_) << "\x1b[K" << (last ? "\n" : "") << std::flush;
}

void ProgressBar::print(const Progress& p) {
  const bool last = p.what.empty();
  const std::size_t tenths = p.cases == 0 ? 0 : 10 * p.done / p.cases;
  if (!last && tenths <= tenths_) return;
  tenths_ = tenths;
  out_ << (last ? "done: " : "") << grouped(p.done) << " of " << grouped(p.cases) << " cases, " << time_text(p)
       << (last ? "" : ", " + std::string(p.what)) << std::endl;
}

}  // namespace rehearse
