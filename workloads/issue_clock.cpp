#include "workloads/issue_clock.hpp"

#include <algorithm>

namespace rehearse {

namespace {

bool is_backward(Kind kind) { return kind == Kind::backward || kind == Kind::backward_weight; }

}  // namespace

Seconds IssueClock::add(Kind kind, std::int64_t launches, Seconds time) {
  const auto ahead = static_cast<std::size_t>(host_.ahead.value_or(0));
  if (ahead > 0 && ends_.size() >= ahead) issued_ = std::max(issued_, ends_[ends_.size() - ahead]);
  issued_ += static_cast<double>(launches) * (is_backward(kind) ? host_.backward : host_.forward);
  const Seconds before = done_;
  done_ = std::max(issued_, done_) + time;
  if (ahead > 0) ends_.push_back(done_);
  return done_ - before;
}

}  // namespace rehearse
