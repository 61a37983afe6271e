#include "workloads/issue_clock.hpp"

#include <algorithm>

namespace rehearse {

namespace {

bool is_backward(Kind kind) { return kind == Kind::backward || kind == Kind::backward_weight; }

}  // namespace

Seconds IssueClock::add(Kind kind, std::int64_t launches, Seconds time) {
  issued_ += static_cast<double>(launches) * (is_backward(kind) ? host_.backward : host_.forward);
  const Seconds before = done_;
  done_ = std::max(issued_, done_) + time;
  return done_ - before;
}

}  // namespace rehearse
