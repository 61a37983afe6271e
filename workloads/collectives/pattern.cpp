#include "workloads/collectives/pattern.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <map>
#include <memory>
#include <utility>

namespace rehearse {

namespace {

using Patterns = std::vector<Pattern>;

/// A stretch of steps in which each pattern stays within one of its stretches.
struct Interval {
  std::uint64_t first = 0, last = 0;
};

std::vector<Interval> intervals_of(const Patterns& patterns) {
  std::vector<std::uint64_t> ends;
  for (const Pattern& pattern : patterns) {
    std::uint64_t end = 0;
    for (const Stretch& stretch : pattern.stretches) ends.push_back(end += stretch.steps);
  }
  std::ranges::sort(ends);
  ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
  std::vector<Interval> out;
  std::uint64_t first = 0;
  for (const std::uint64_t end : ends) {
    if (end > first) out.push_back({first, end});
    first = end;
  }
  return out;
}

/// The stretch of a pattern that has the step, and the first step of it; null behind the end.
std::pair<const Stretch*, std::uint64_t> stretch_at(const Pattern& pattern, std::uint64_t step) {
  std::uint64_t first = 0;
  for (const Stretch& stretch : pattern.stretches) {
    if (step < first + stretch.steps) return {&stretch, first};
    first += stretch.steps;
  }
  return {nullptr, first};
}

Stretch joint_stretch(const std::shared_ptr<const Patterns>& patterns, Interval interval) {
  Stretch out;
  out.steps = interval.last - interval.first;
  out.make = [patterns, interval](std::uint64_t step, std::vector<Transfer>& transfers) {
    for (const Pattern& pattern : *patterns)
      if (interval.first + step < pattern.steps()) pattern.step(interval.first + step, transfers);
  };
  out.steady = true;
  bool all_merged = true;
  std::vector<std::function<void(std::vector<Transfer>&)>> merged;
  for (const Pattern& pattern : *patterns) {
    const auto [stretch, first] = stretch_at(pattern, interval.first);
    if (stretch == nullptr) continue;
    out.steady = out.steady && stretch->steady;
    all_merged = all_merged && stretch->merged && first == interval.first && stretch->steps == out.steps;
    merged.push_back(stretch->merged);
  }
  if (out.steady && all_merged)
    out.merged = [merged](std::vector<Transfer>& transfers) {
      for (const auto& merge : merged) merge(transfers);
    };
  return out;
}

void place(std::vector<Transfer>& transfers, std::size_t first, const std::vector<std::uint32_t>& positions) {
  for (std::size_t i = first; i < transfers.size(); ++i) {
    transfers[i].source = positions[transfers[i].source];
    transfers[i].destination = positions[transfers[i].destination];
  }
}

}  // namespace

std::uint64_t Pattern::steps() const {
  std::uint64_t sum = 0;
  for (const Stretch& stretch : stretches) sum += stretch.steps;
  return sum;
}

void Pattern::step(std::uint64_t step, std::vector<Transfer>& out) const {
  const auto [stretch, first] = stretch_at(*this, step);
  assert(stretch != nullptr);
  stretch->make(step - first, out);
}

Pattern in_sequence(std::vector<Pattern> patterns) {
  assert(!patterns.empty());
  Pattern out = std::move(patterns.front());
  for (std::size_t i = 1; i < patterns.size(); ++i) {
    assert(patterns[i].ranks == out.ranks);
    out.switches = std::max(out.switches, patterns[i].switches);
    out.channels = std::max(out.channels, patterns[i].channels);
    if (patterns[i].connections != out.connections) out.connections = 0;
    out.buffer = std::max(out.buffer, patterns[i].buffer);
    std::ranges::move(patterns[i].stretches, std::back_inserter(out.stretches));
  }
  return out;
}

Pattern side_by_side(std::vector<Pattern> patterns) {
  assert(!patterns.empty());
  if (patterns.size() == 1) return std::move(patterns.front());
  Pattern out{.ranks = patterns.front().ranks, .connections = patterns.front().connections};
  for (const Pattern& pattern : patterns) {
    if (pattern.connections != out.connections) out.connections = 0;
    out.switches = std::max(out.switches, pattern.switches);
    out.channels = std::max(out.channels, pattern.channels);
    out.buffer = std::max(out.buffer, pattern.buffer);
  }
  const auto shared = std::make_shared<const Patterns>(std::move(patterns));
  for (const Interval& interval : intervals_of(*shared)) out.stretches.push_back(joint_stretch(shared, interval));
  return out;
}

Pattern placed(Pattern pattern, std::uint32_t ranks, std::vector<std::uint32_t> positions,
               const std::vector<std::uint32_t>& switches) {
  assert(positions.size() == pattern.ranks && switches.size() >= pattern.switches);
  for (const std::uint32_t s : switches) positions.push_back(ranks + s);
  const auto shared = std::make_shared<const std::vector<std::uint32_t>>(std::move(positions));
  for (Stretch& stretch : pattern.stretches) {
    stretch.make = [make = std::move(stretch.make), shared](std::uint64_t step, std::vector<Transfer>& out) {
      const std::size_t first = out.size();
      make(step, out);
      place(out, first, *shared);
    };
    if (stretch.merged)
      stretch.merged = [merged = std::move(stretch.merged), shared](std::vector<Transfer>& out) {
        const std::size_t first = out.size();
        merged(out);
        place(out, first, *shared);
      };
  }
  pattern.ranks = ranks;
  pattern.switches = 0;
  for (const std::uint32_t s : switches) pattern.switches = std::max(pattern.switches, s + 1);
  return pattern;
}

Pattern stepwise(std::uint32_t ranks, std::uint64_t steps, MakeStep make) {
  Pattern out{.ranks = ranks};
  if (steps > 0) out.stretches.push_back({.steps = steps, .make = std::move(make)});
  return out;
}

std::vector<Transfer> merge_steps(const Stretch& stretch) {
  std::vector<Transfer> out;
  if (stretch.merged) {
    stretch.merged(out);
    return out;
  }
  using Wire = std::array<std::uint32_t, 4>;  // source, destination, channel, which of the step's messages on it
  std::map<Wire, std::size_t> at;
  std::vector<Transfer> step;
  for (std::uint64_t s = 0; s < stretch.steps; ++s) {
    step.clear();
    stretch.make(s, step);
    std::map<Wire, std::uint32_t> seen;
    for (const Transfer& t : step) {
      const std::uint32_t which = seen[{t.source, t.destination, t.channel}]++;
      const auto [found, is_new] = at.try_emplace({t.source, t.destination, t.channel, which}, out.size());
      Transfer& sum = is_new ? out.emplace_back(t) : out[found->second];
      sum.count = (is_new ? 0 : sum.count) + t.elements();
      sum.rounds = (is_new ? 0 : sum.rounds) + t.rounds;
      sum.runs = 1;
    }
  }
  return out;
}

}  // namespace rehearse
