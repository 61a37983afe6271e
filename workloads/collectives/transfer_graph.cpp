#include "workloads/collectives/transfer_graph.hpp"

#include <numeric>
#include <unordered_map>
#include <utility>

#include "workloads/collectives/turns.hpp"

namespace rehearse {

class TransferGraph::Builder {
 public:
  Builder(TransferGraph& graph, const Pattern& pattern)
      : graph_(graph), pattern_(pattern), finder_(pattern.positions()) {}

  void add(std::span<const Transfer> step, bool merged) {
    const auto first = static_cast<std::uint32_t>(graph_.flows_.size());
    for (const Transfer& t : step)
      graph_.flows_.push_back({.source = t.source,
                               .destination = t.destination,
                               .channel = pattern_.connection(t.channel),
                               .elements = t.elements(),
                               .rounds = t.rounds});
    if (merged) set_rings(step, first);
    for (const Turn& turn : finder_.add_step(step, merged)) add_turn(turn, first);
  }

 private:
  void set_rings(std::span<const Transfer> step, std::uint32_t first) {
    const std::vector<std::uint32_t> rings = rings_of(step, finder_.place(0, 1));
    for (std::uint32_t i = 0; i < rings.size(); ++i) {
      graph_.flows_[first + i].ring = rings[i];
      graph_.flows_[first + i].stretch = merged_;
    }
    ++merged_;
  }

  void add_turn(const Turn& turn, std::uint32_t first) {
    const auto id = static_cast<std::uint32_t>(graph_.turns_.size());
    GraphTurn out{.first_flow = static_cast<std::uint32_t>(graph_.turn_flows_.size()),
                  .first_await = static_cast<std::uint32_t>(graph_.awaited_.size())};
    for (const std::uint32_t send : turn.sends) {
      graph_.flows_[first + send].turn = id;
      graph_.turn_flows_.push_back(first + send);
    }
    for (const std::uint64_t message : turn.awaits) graph_.awaited_.push_back(static_cast<std::uint32_t>(message));
    out.last_flow = static_cast<std::uint32_t>(graph_.turn_flows_.size());
    out.last_await = static_cast<std::uint32_t>(graph_.awaited_.size());
    if (last_turn_.size() <= turn.place) last_turn_.resize(turn.place + 1, GraphTurn::none);
    out.before = std::exchange(last_turn_[turn.place], id);
    graph_.turns_.push_back(out);
  }

  TransferGraph& graph_;
  const Pattern& pattern_;
  TurnFinder finder_;
  std::uint32_t merged_ = 0;              ///< stretches so far
  std::vector<std::uint32_t> last_turn_;  // by place
};

TransferGraph::TransferGraph(const Pattern& pattern, bool fluid) {
  Builder builder(*this, pattern);
  std::vector<Transfer> step;
  for (const Stretch& stretch : pattern.stretches) {
    if (fluid && stretch.steady) {
      builder.add(merge_steps(stretch), true);
      continue;
    }
    for (std::uint64_t s = 0; s < stretch.steps; ++s) {
      step.clear();
      stretch.make(s, step);
      builder.add(step, false);
    }
  }
}

std::vector<std::uint32_t> rings_of(std::span<const Transfer> step, std::uint32_t positions) {
  std::uint32_t places = 0;
  for (const Transfer& t : step) places = std::max(places, (t.channel + 1) * positions);
  std::vector<std::uint32_t> parent(places);
  std::iota(parent.begin(), parent.end(), 0U);
  const auto root = [&](std::uint32_t i) {
    while (parent[i] != i) i = parent[i] = parent[parent[i]];
    return i;
  };
  for (const Transfer& t : step)
    parent[root(t.channel * positions + t.source)] = root(t.channel * positions + t.destination);
  std::unordered_map<std::uint32_t, std::uint32_t> number;
  std::vector<std::uint32_t> out;
  for (const Transfer& t : step)
    out.push_back(number.try_emplace(root(t.channel * positions + t.source), static_cast<std::uint32_t>(number.size()))
                      .first->second);
  return out;
}

std::size_t count_flows(const Pattern& pattern, bool fluid, std::size_t most) {
  std::size_t count = 0;
  std::vector<Transfer> step;
  for (const Stretch& stretch : pattern.stretches) {
    const std::uint64_t alike = stretch.steady ? stretch.steps : 1;  // steps with as many messages
    for (std::uint64_t s = 0; s < stretch.steps && count <= most; s += alike) {
      step.clear();
      stretch.make(s, step);
      std::size_t flows = 0;
      for (const Transfer& t : step) flows += t.source == t.destination ? 0 : 1;
      count += flows * (fluid ? 1 : alike);
    }
  }
  return count;
}

}  // namespace rehearse
