#include "reports/trace_counters.hpp"

#include <algorithm>
#include <cmath>

#include "reports/trace_slices.hpp"

namespace rehearse {
namespace {

/// A rate that begins (count +1) or ends (count -1).
struct Change {
  std::int64_t time;
  double rate;
  int count;
};

/// A watched link that a path crosses.
struct Crossing {
  std::size_t watched;
  double times;
};

/// The value from `time` on; a later word about the same time replaces the earlier.
void append(CounterSteps& steps, std::int64_t time, double value) {
  if (!steps.empty() && steps.back().time == time) steps.pop_back();
  if (steps.empty() || steps.back().value != value) steps.push_back({time, value});
}

double in_tenths(double percent) { return std::round(std::clamp(percent, 0.0, 100.0) * 10) / 10; }

/// What goes over the watched links, gathered flow by flow.
class Watch {
 public:
  Watch(const Network& network, std::span<const LinkUse> uses) : uses_(uses), changes_(uses.size()) {
    crossings_.resize(network.path_count());
    for (std::size_t i = 0; i < uses.size(); ++i)
      for (const auto& [path, times] : uses[i].crossed_by)
        crossings_[index(path)].push_back({i, static_cast<double>(times)});
  }

  void add(PathId path, double bytes, Seconds begin, Seconds end) {
    const std::int64_t from = nanoseconds(begin), to = nanoseconds(end);
    if (bytes <= 0 || from >= to || index(path) >= crossings_.size()) return;
    for (const Crossing& crossing : crossings_[index(path)]) {
      const double rate = bytes * crossing.times / (end - begin).value();
      changes_[crossing.watched].push_back({from, rate, 1});
      changes_[crossing.watched].push_back({to, -rate, -1});
    }
  }

  [[nodiscard]] CounterSteps steps(std::size_t watched) {
    std::vector<Change>& changes = changes_[watched];
    std::sort(changes.begin(), changes.end(), [](const Change& a, const Change& b) { return a.time < b.time; });
    const double bandwidth = uses_[watched].link.bandwidth.value();
    CounterSteps steps{{0, 0}};
    double rate = 0;
    int alive = 0;
    for (const Change& change : changes) {
      alive += change.count;
      rate = alive == 0 ? 0 : rate + change.rate;  // nothing is left of rounding when nothing is on the link
      append(steps, change.time, in_tenths(100 * rate / bandwidth));
    }
    return steps;
  }

 private:
  std::span<const LinkUse> uses_;
  std::vector<std::vector<Crossing>> crossings_;  // by path
  std::vector<std::vector<Change>> changes_;      // by watched link
};

void add_op(const Result& result, OpId id, Watch& watch) {
  const Schedule& schedule = result.schedule;
  const Op& op = schedule.op(id);
  const Seconds begin = result.timeline.begin[index(id)], end = result.timeline.end[index(id)];
  if (op.type == OpType::compute) {
    for (const Load& load : schedule.loads(op))
      watch.add(load.path, static_cast<double>(load.bytes.value()), begin, end);
  } else if (op.type == OpType::flow) {
    const Seconds latency = result.network.latency(Schedule::path(op)) * static_cast<double>(op.rounds);
    watch.add(Schedule::path(op), op.amount, begin + latency, end);
  }
}

}  // namespace

std::vector<CounterSteps> memory_steps(const Result& result) {
  std::vector<CounterSteps> steps(result.schedule.rank_count());
  for (const MemorySample& sample : result.memory_samples) {
    if (index(sample.rank) >= steps.size()) continue;
    append(steps[index(sample.rank)], nanoseconds(sample.time), static_cast<double>(sample.bytes.value()));
  }
  for (const SimulatedGpu& gpu : result.gpus) {
    if (index(gpu.rank) >= steps.size()) continue;
    CounterSteps& own = steps[index(gpu.rank)];
    if (!own.empty() && own.front().time > 0)
      own.insert(own.begin(), {0, static_cast<double>(gpu.static_memory.value())});
  }
  return steps;
}

std::vector<CounterSteps> link_steps(const Result& result, std::size_t count, std::size_t most) {
  const std::span<const LinkUse> uses(result.hottest_links.data(), std::min(count, result.hottest_links.size()));
  Watch watch(result.network, uses);
  for (std::size_t i = 0; i < result.schedule.size(); ++i) add_op(result, OpId{static_cast<std::uint32_t>(i)}, watch);
  std::vector<CounterSteps> out;
  for (std::size_t i = 0; i < uses.size(); ++i) {
    out.push_back(watch.steps(i));
    if (out.back().size() > most) out.back() = averaged(out.back(), nanoseconds(result.timeline.makespan), most);
  }
  return out;
}

CounterSteps averaged(const CounterSteps& steps, std::int64_t end, std::size_t windows) {
  CounterSteps out;
  std::size_t at = 0;
  const double width = static_cast<double>(end) / static_cast<double>(windows);
  for (std::size_t window = 0; window < windows; ++window) {
    const std::int64_t from = std::llround(width * static_cast<double>(window));
    const std::int64_t to = std::llround(width * static_cast<double>(window + 1));
    double area = 0;
    while (at + 1 < steps.size() && steps[at + 1].time <= from) ++at;
    for (std::size_t i = at; i < steps.size() && steps[i].time < to; ++i) {
      const std::int64_t until = i + 1 < steps.size() ? std::min(steps[i + 1].time, to) : to;
      area += steps[i].value * static_cast<double>(until - std::max(steps[i].time, from));
    }
    if (from < to) append(out, from, in_tenths(area / static_cast<double>(to - from)));
  }
  append(out, end, steps.empty() ? 0 : steps.back().value);
  return out;
}

}  // namespace rehearse
