// Timelines of schedules, each replayed in a child process.
#pragma once

#include <algorithm>
#include <vector>

#include "engine/replay.hpp"
#include "tests/support/forked.hpp"

namespace rehearse::testing {

inline void append(std::vector<double>& numbers, const Timeline& t) {
  for (Seconds s : t.begin) numbers.push_back(s.value());
  for (Seconds s : t.end) numbers.push_back(s.value());
  numbers.insert(numbers.end(), t.link_bytes.begin(), t.link_bytes.end());
  numbers.push_back(t.makespan.value());
}

/// The schedules one after another on one Replayer, in a child.
inline std::vector<Timeline> replay_all(const Network& network, const std::vector<const Schedule*>& schedules) {
  const std::vector<double> numbers = in_child([&] {
    Replayer replayer(network);
    std::vector<double> all;
    for (const Schedule* s : schedules) append(all, replayer.replay(*s));
    return all;
  });
  std::vector<Timeline> timelines;
  auto at = numbers.begin();
  const auto seconds = [&at](std::size_t n) {
    std::vector<Seconds> out(n);
    std::ranges::generate(out, [&at] { return Seconds(*at++); });
    return out;
  };
  for (const Schedule* s : schedules) {
    Timeline& t = timelines.emplace_back();
    t.begin = seconds(s->size());
    t.end = seconds(s->size());
    t.link_bytes.assign(at, at + static_cast<std::ptrdiff_t>(network.links().size()));
    at += static_cast<std::ptrdiff_t>(network.links().size());
    t.makespan = Seconds(*at++);
  }
  return timelines;
}

inline Timeline replay(const Network& network, const Schedule& schedule) {
  return replay_all(network, {&schedule}).front();
}

}  // namespace rehearse::testing
