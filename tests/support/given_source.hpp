// A source of flows made by hand, and the same flows as a schedule.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/replay.hpp"

namespace rehearse::testing {

/// A flow, with the flows before it that must have left, or arrived.
struct GivenFlow {
  PathId path{};
  std::int64_t bytes = 0;
  double latency = 0;
  std::vector<std::size_t> left = {}, arrived = {};
};
using GivenFlows = std::vector<GivenFlow>;

/// Flow i has the token i + `first_token`. Remembers what it was told: 2i that flow i left, 2i + 1 that it arrived.
class GivenSource : public FlowSource {
 public:
  explicit GivenSource(const GivenFlows& flows, std::uint64_t first_token = 0)
      : flows_(flows), first_token_(first_token), pending_(flows.size()) {
    for (std::size_t i = 0; i < flows.size(); ++i) pending_[i] = flows[i].left.size() + flows[i].arrived.size();
  }
  void begin(std::vector<SourceFlow>& started) override {
    for (std::size_t i = 0; i < flows_.size(); ++i)
      if (pending_[i] == 0) start(i, started);
  }
  void left(std::uint64_t token, std::vector<SourceFlow>& started) override {
    told_.push_back(2 * (token - first_token_));
    for (std::size_t i = 0; i < flows_.size(); ++i) free(i, flows_[i].left, token, started);
  }
  void arrived(std::uint64_t token, std::vector<SourceFlow>& started) override {
    told_.push_back(2 * (token - first_token_) + 1);
    for (std::size_t i = 0; i < flows_.size(); ++i) free(i, flows_[i].arrived, token, started);
  }
  [[nodiscard]] const std::vector<std::size_t>& told() const { return told_; }

 private:
  void start(std::size_t i, std::vector<SourceFlow>& started) const {
    started.push_back({flows_[i].path, Bytes(flows_[i].bytes), Seconds(flows_[i].latency), first_token_ + i});
  }
  void free(std::size_t i, const std::vector<std::size_t>& before, std::uint64_t token,
            std::vector<SourceFlow>& started) {
    if (std::ranges::count(before, token - first_token_) > 0 && --pending_[i] == 0) start(i, started);
  }

  const GivenFlows& flows_;
  std::uint64_t first_token_;
  std::vector<std::size_t> pending_;
  std::vector<std::size_t> told_;
};

/// Op 2i is flow i until it has left, op 2i + 1 its latency.
inline Schedule schedule_of(const GivenFlows& flows) {
  ScheduleBuilder b(2);
  for (std::uint32_t i = 0; i < flows.size(); ++i) {
    const OpId flow = b.add_flow({}, Kind::other, Rank{0}, Rank{1}, Bytes(flows[i].bytes), flows[i].path, {}, 0);
    b.add_edge(flow, b.add_compute({}, Kind::other, no_lane, Seconds(flows[i].latency)));
  }
  for (std::uint32_t i = 0; i < flows.size(); ++i) {
    for (const std::size_t j : flows[i].left) b.add_edge(OpId{static_cast<std::uint32_t>(2 * j)}, OpId{2 * i});
    for (const std::size_t j : flows[i].arrived) b.add_edge(OpId{static_cast<std::uint32_t>(2 * j + 1)}, OpId{2 * i});
  }
  return b.build();
}

/// Makespan, flows, most alive, bytes by link.
inline void append(std::vector<double>& numbers, const SourceReplay& replay) {
  numbers.push_back(replay.makespan.value());
  numbers.push_back(static_cast<double>(replay.flows));
  numbers.push_back(static_cast<double>(replay.most_alive));
  numbers.insert(numbers.end(), replay.link_bytes.begin(), replay.link_bytes.end());
}

}  // namespace rehearse::testing
