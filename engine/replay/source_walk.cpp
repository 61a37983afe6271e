#include "engine/replay/source_walk.hpp"

#include <algorithm>
#include <stdexcept>

namespace rehearse::replay_detail {

void SourceWalk::begin() {
  telling_ = true;  // what ends at once is told when all of the first have started
  source_.begin(started_);
  for (std::size_t i = 0; i < started_.size(); ++i) start(started_[i], 0.0);
  tell_all();
}

void SourceWalk::start(const SourceFlow& flow, double now) {
  if (index(flow.path) >= network_.path_count())
    throw std::logic_error("a source's flow takes a path that is not there");
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(live_.size()));
    live_.emplace_back();
  }
  const std::uint32_t slot = free_.back();
  free_.pop_back();
  live_[slot].flow = flow;
  const auto bytes = static_cast<double>(flow.bytes.value());
  ++flows_;
  most_alive_ = std::max(most_alive_, ++alive_);
  if (path_bytes_.size() <= index(flow.path)) path_bytes_.resize(index(flow.path) + 1, 0.0);
  path_bytes_[index(flow.path)] += bytes;
  live_[slot].flow.latency =
      Seconds(traffic_.start({.token = slot, .path = flow.path, .bytes = bytes, .latency = flow.latency.value()}));
  if (!traffic_.enter(slot, flow.path, bytes)) news_.push_back({slot, now, false});
}

void SourceWalk::tell(const News& news) {
  news_.push_back(news);
  if (!telling_) tell_all();
}

/// Chains of flows that take no time may be long: a work list, not recursion; first in, first out, so that a flow has
/// arrived before those that its leaving began have left.
void SourceWalk::tell_all() {
  telling_ = true;
  while (!news_.empty()) {
    const News news = news_.front();
    news_.pop_front();
    started_.clear();
    if (news.arrived)
      tell_arrived(news);
    else
      tell_left(news);
    for (std::size_t i = 0; i < started_.size(); ++i) start(started_[i], news.date);
  }
  telling_ = false;
}

void SourceWalk::tell_left(const News& news) {
  Live& live = live_[news.slot];
  live.arrival = news.date + live.flow.latency.value();
  if (live.flow.latency > Seconds())
    world_.start_timer(epoch_ + live.arrival, news.slot);
  else
    news_.push_back({news.slot, news.date, true});
  source_.left(live.flow.token, started_);
}

void SourceWalk::tell_arrived(const News& news) {
  makespan_ = std::max(makespan_, news.date);
  --alive_;
  free_.push_back(news.slot);
  source_.arrived(live_[news.slot].flow.token, started_);
}

SourceReplay SourceWalk::result() const {
  return {.makespan = Seconds(makespan_),
          .flows = flows_,
          .most_alive = most_alive_,
          .link_bytes = bytes_by_link(traffic_.as_taken(path_bytes_), network_)};
}

}  // namespace rehearse::replay_detail
