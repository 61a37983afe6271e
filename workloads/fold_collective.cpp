#include <algorithm>
#include <unordered_map>

#include "workloads/lowering.hpp"
#include "workloads/refinement.hpp"

namespace rehearse {

namespace {

/// Of each class of wires one stands for all. Its flows are kept; what they wait for are flows of other wires, each of
/// which begins and ends with the flow of its colour that is kept.
class CollectiveFolder {
 public:
  CollectiveFolder(const Communication& communication, const Folding& folding, std::uint32_t group_class,
                   const CollectiveSpec& spec)
      : folding_(folding),
        group_(communication.groups()[folding.group_of_class[group_class]]),
        prepared_(communication.prepared(group_, spec)),
        graph_(prepared_.graph),
        costs_(*group_.costs.at(spec)) {
    std::vector<std::uint64_t> wire_colour;
    for (const std::uint32_t wire : group_.wires) wire_colour.push_back(folding.wire_class[wire]);
    colours_ = flow_colours(graph_, costs_, wire_colour);
  }

  FoldedCollective run() {
    out_.start = prepared_.chosen.start;
    keep_flows();
    for (std::size_t f = 0; f < kept_.size(); ++f) add_flow(kept_[f]);
    for (std::size_t t = 0; t < turn_of_.size(); ++t) add_waits(graph_.turns()[kept_turns_[t]], out_.turns[t]);
    return std::move(out_);
  }

 private:
  [[nodiscard]] std::uint32_t wire_of(std::uint32_t flow) const { return group_.wires[costs_[flow].wire]; }

  void keep_flows() {
    std::unordered_map<std::uint32_t, std::uint32_t> stands_for;  // wire class -> wire
    for (const std::uint32_t wire : group_.wires) stands_for.try_emplace(folding_.wire_class[wire], wire);
    for (std::uint32_t f = 0; f < colours_.size(); ++f) {
      const std::uint32_t wire = wire_of(f);
      if (stands_for.at(folding_.wire_class[wire]) != wire) continue;
      flow_of_colour_.try_emplace(colours_[f], static_cast<std::uint32_t>(kept_.size()));
      kept_.push_back(f);
    }
  }

  void add_flow(std::uint32_t number) {
    const GraphFlow& flow = graph_.flows()[number];
    const FlowCost& cost = costs_[number];
    const auto rank_of = [&](std::uint32_t position) {
      const std::uint32_t rank = position < group_.view.ranks() ? position : std::min(flow.source, flow.destination);
      return Rank{folding_.worker_class[group_.members[rank]]};
    };
    const auto [turn, fresh] = turn_of_.try_emplace(flow.turn, static_cast<std::uint32_t>(kept_turns_.size()));
    if (fresh) {
      kept_turns_.push_back(flow.turn);
      out_.turns.emplace_back();
    }
    out_.flows.push_back({.path = folding_.path(wire_of(number)),
                          .source = rank_of(flow.source),
                          .destination = rank_of(flow.destination),
                          .bytes = cost.bytes,
                          .latency = cost.latency,
                          .turn = turn->second});
  }

  void add_waits(const GraphTurn& turn, FoldedCollective::Turn& out) {
    const auto add = [&](std::vector<std::uint32_t>& to, std::uint32_t flow) {
      const std::uint32_t kept = flow_of_colour_.at(colours_[flow]);
      if (std::ranges::find(to, kept) == to.end()) to.push_back(kept);
    };
    if (turn.before != GraphTurn::none)
      for (const std::uint32_t f : graph_.sends(graph_.turns()[turn.before])) add(out.left, f);
    for (const std::uint32_t f : graph_.awaits(turn)) add(out.arrived, f);
    for (const std::uint32_t f : out.arrived) out_.flows[f].last = false;
  }

  const Folding& folding_;
  const CommGroup& group_;
  const PreparedCollective& prepared_;
  const TransferGraph& graph_;
  const FlowCosts& costs_;
  std::vector<std::uint64_t> colours_;                               // by flow of the graph
  std::vector<std::uint32_t> kept_;                                  // flows of the graph
  std::unordered_map<std::uint64_t, std::uint32_t> flow_of_colour_;  // index into kept_
  std::vector<std::uint32_t> kept_turns_;
  std::unordered_map<std::uint32_t, std::uint32_t> turn_of_;  // turn of the graph -> index into kept_turns_
  FoldedCollective out_;
};

}  // namespace

FoldedCollective fold_collective(const Communication& communication, const Folding& folding, std::uint32_t group_class,
                                 const CollectiveSpec& spec) {
  return CollectiveFolder(communication, folding, group_class, spec).run();
}

OpId add_flows(ScheduleBuilder& builder, const FoldedCollective& collective, std::optional<OpId> started, NameId name,
               Kind kind, Tags tags) {
  std::vector<OpId> left, arrived;
  const OpId closes = builder.add_join(name, kind, tags);
  for (const FoldedCollective::Flow& flow : collective.flows) {
    left.push_back(builder.add_flow(name, kind, flow.source, flow.destination, flow.bytes, flow.path, tags, 0));
    arrived.push_back(left.back());
    if (flow.latency > Seconds()) {
      arrived.back() = builder.add_compute(name, kind, no_lane, flow.latency, tags);
      builder.add_edge(left.back(), arrived.back());
    }
    if (flow.last) builder.add_edge(arrived.back(), closes);
  }
  std::vector<std::vector<OpId>> of_turn(collective.turns.size());
  for (std::size_t f = 0; f < collective.flows.size(); ++f) of_turn[collective.flows[f].turn].push_back(left[f]);
  for (std::size_t t = 0; t < of_turn.size(); ++t) {
    std::vector<OpId> before;
    for (const std::uint32_t f : collective.turns[t].left) before.push_back(left[f]);
    for (const std::uint32_t f : collective.turns[t].arrived) before.push_back(arrived[f]);
    if (before.empty() && started) before.push_back(*started);
    if (of_turn[t].size() > 1 && before.size() > 1) {  // one gate instead of an edge for each pair
      const OpId gate = builder.add_join(name, kind, tags);
      builder.add_edges(before, gate);
      before = {gate};
    }
    for (const OpId flow : of_turn[t]) builder.add_edges(before, flow);
  }
  if (collective.flows.empty() && started) builder.add_edge(*started, closes);
  return closes;
}

Schedule lone_schedule(const FoldedCollective& collective, std::uint32_t rank_count) {
  ScheduleBuilder builder(rank_count);
  add_flows(builder, collective, std::nullopt, builder.name("collective"), Kind::other, {});
  return builder.build();
}

std::vector<std::pair<std::uint32_t, CollectiveSpec>> reusable_collectives(const Communication& communication,
                                                                           const Folding& folding) {
  std::vector<std::pair<std::uint32_t, CollectiveSpec>> out;
  for (std::uint32_t c = 0; c < folding.group_of_class.size(); ++c) {
    const CommGroup& group = communication.groups()[folding.group_of_class[c]];
    if (!folding.isolated[c]) continue;
    for (const CollectiveSpec& spec : group.specs) out.emplace_back(c, spec);
  }
  return out;
}

}  // namespace rehearse
