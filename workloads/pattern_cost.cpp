#include "workloads/pattern_cost.hpp"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <vector>

#include "workloads/collectives/transfer_graph.hpp"

namespace rehearse {

namespace {

class CostSum {
 public:
  CostSum(const Pattern& pattern, const CollectiveGroup& group, Protocol protocol, std::int64_t element_bytes)
      : pattern_(pattern), group_(group), protocol_(protocol), element_bytes_(element_bytes) {}

  void add(const std::vector<Transfer>& step, bool merged) {
    cost_.latency += merged ? ring_latency(step) : longest_latency(step);
    std::unordered_map<std::uint32_t, double> of_step;
    for (const Transfer& t : step) {
      const GroupWire& way = wire(t);
      const double bytes = static_cast<double>(t.elements() * element_bytes_) * way.overhead;
      for (const LinkId link : way.route) of_step[static_cast<std::uint32_t>(link)] += bytes;
    }
    Seconds longest;
    for (const auto& [link, bytes] : of_step) {
      longest = std::max(longest, time_on(link, bytes));
      all_[link] += bytes;
    }
    cost_.bandwidth += longest;
  }

  PatternCost take() {
    for (const auto& [link, bytes] : all_)
      if (const Seconds time = time_on(link, bytes); time > cost_.busiest) {
        cost_.busiest = time;
        cost_.link_kind = link_kind_name(group_.cluster().links()[link].kind);
      }
    return cost_;
  }

 private:
  [[nodiscard]] Seconds time_on(std::uint32_t link, double bytes) const {
    return Seconds(bytes / group_.cluster().links()[link].bandwidth.value());
  }

  const GroupWire& wire(const Transfer& t) {
    const std::uint32_t connection = pattern_.connection(t.channel);
    const std::uint64_t key = ((std::uint64_t{connection} * pattern_.positions() + t.source) << 32) | t.destination;
    const auto [known, fresh] = wires_.try_emplace(key);
    if (fresh) known->second = group_.wire(t.source, t.destination, connection, protocol_);
    return known->second;
  }

  Seconds longest_latency(const std::vector<Transfer>& step) {
    Seconds longest;
    for (const Transfer& t : step) longest = std::max(longest, wire(t).latency * t.rounds);
    return longest;
  }

  Seconds ring_latency(const std::vector<Transfer>& step) {
    const std::vector<std::uint32_t> rings = rings_of(step, pattern_.positions());
    std::map<std::uint32_t, std::pair<Seconds, double>> sums;
    for (std::size_t i = 0; i < step.size(); ++i) {
      auto& [latency, count] = sums[rings[i]];
      latency += wire(step[i]).latency * step[i].rounds;
      count += 1;
    }
    Seconds longest;
    for (const auto& [ring, sum] : sums) longest = std::max(longest, sum.first / sum.second);
    return longest;
  }

  const Pattern& pattern_;
  const CollectiveGroup& group_;
  Protocol protocol_;
  std::int64_t element_bytes_;
  std::unordered_map<std::uint64_t, GroupWire> wires_;
  std::map<std::uint32_t, double> all_;  // by link
  PatternCost cost_;
};

}  // namespace

PatternCost pattern_cost(const Pattern& pattern, const CollectiveGroup& group, Protocol protocol,
                         std::int64_t element_bytes) {
  CostSum sum(pattern, group, protocol, element_bytes);
  std::vector<Transfer> step;
  for (const Stretch& stretch : pattern.stretches) {
    if (stretch.steady) {
      sum.add(merge_steps(stretch), true);
      continue;
    }
    for (std::uint64_t s = 0; s < stretch.steps; ++s) {
      step.clear();
      stretch.make(s, step);
      sum.add(step, false);
    }
  }
  return sum.take();
}

}  // namespace rehearse
