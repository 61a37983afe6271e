#include "workloads/communication.hpp"

#include <algorithm>
#include <numeric>

namespace rehearse {

namespace {

std::vector<std::uint32_t> rank_order(std::size_t n) {
  std::vector<std::uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0U);
  return order;
}

/// How many members each node has if all have as many and they stand node by node; else 0.
std::size_t members_per_node(const std::vector<std::uint32_t>& members, const Cluster& cluster) {
  std::size_t per_node = 1;
  while (per_node < members.size() && cluster.node_of(members[per_node]) == cluster.node_of(members[0])) ++per_node;
  if (members.size() % per_node != 0) return 0;
  for (std::size_t i = 0; i < members.size(); ++i) {
    const bool same_node = cluster.node_of(members[i]) == cluster.node_of(members[i - i % per_node]);
    const bool next_node =
        i % per_node != 0 || i == 0 || cluster.node_of(members[i]) != cluster.node_of(members[i - 1]);
    if (!same_node || !next_node) return 0;
  }
  return per_node;
}

}  // namespace

std::vector<std::vector<std::uint32_t>> ring_channels(const std::vector<std::uint32_t>& members,
                                                      const Cluster& cluster) {
  const std::size_t n = members.size(), per_node = members_per_node(members, cluster);
  if (per_node <= 1 || per_node == n) return {rank_order(n)};
  std::vector<std::vector<std::uint32_t>> channels(per_node);
  for (std::size_t c = 0; c < per_node; ++c)
    for (std::size_t i = 0; i < n; ++i)
      channels[c].push_back(static_cast<std::uint32_t>(i - i % per_node + (i + c) % per_node));
  return channels;
}

CollectiveSpec padded_spec(const CollectiveStep& step, std::size_t ranks, std::size_t channels) {
  const auto unit = static_cast<std::int64_t>(ranks * channels);
  return {step.op, (step.elements + unit - 1) / unit * unit, step.element_bytes};
}

Communication::Communication(const Plan& plan, const Program& program, const Cluster& cluster, CollectiveChoice choice)
    : layout_(plan), cluster_(cluster), choice_(std::move(choice)) {
  for (auto& of : group_of_) of.assign(layout_.gpus(), no_group);
  add_groups(plan);
  for (const CollectiveCall& call : program.calls) {
    const GroupKind kind = call.step.group;
    const auto group = std::ranges::find(groups_, kind, &CommGroup::kind);
    if (group == groups_.end()) continue;
    auto& specs = specs_[static_cast<std::size_t>(kind)];
    const CollectiveSpec spec = padded_spec(call.step, group->members.size(), group->channels.size());
    if (std::ranges::find(specs, spec) == specs.end()) specs.push_back(spec);
  }
  for (std::uint32_t g = 0; g < groups_.size(); ++g) add_collective_wires(g);
  add_pipeline_wires(program);
}

void Communication::add_groups(const Plan& plan) {
  const auto t = static_cast<std::uint32_t>(plan.tensor), d = static_cast<std::uint32_t>(plan.data);
  const std::uint32_t p = layout_.stages();
  const auto collect = [&](std::uint32_t count, auto gpu_of) {
    std::vector<std::uint32_t> members;
    for (std::uint32_t i = 0; i < count; ++i) members.push_back(gpu_of(i));
    return members;
  };
  for (std::uint32_t s = 0; s < p; ++s) {
    for (std::uint32_t j = 0; j < d; ++j)
      add_group(GroupKind::tensor, collect(t, [&](std::uint32_t i) { return layout_.gpu(i, j, s); }));
    for (std::uint32_t i = 0; i < t; ++i)
      add_group(GroupKind::data, collect(d, [&](std::uint32_t j) { return layout_.gpu(i, j, s); }));
  }
  if (p < 2) return;
  for (std::uint32_t j = 0; j < d; ++j)
    for (std::uint32_t i = 0; i < t; ++i)
      add_group(GroupKind::embedding, {layout_.gpu(i, j, 0), layout_.gpu(i, j, p - 1)});
}

void Communication::add_group(GroupKind kind, std::vector<std::uint32_t> members) {
  if (members.size() < 2) return;
  const auto id = static_cast<std::uint32_t>(groups_.size());
  for (std::uint32_t gpu : members) group_of_[static_cast<std::size_t>(kind)][gpu] = id;
  auto channels = ring_channels(members, cluster_);
  groups_.push_back({.kind = kind, .members = std::move(members), .channels = std::move(channels)});
}

std::uint32_t Communication::add_wire(Wire wire) {
  wire.route = cluster_.route(wire.from, wire.to);
  for (LinkId link : wire.route) wire.latency += cluster_.links()[index(link)].latency;
  wires_.push_back(std::move(wire));
  return static_cast<std::uint32_t>(wires_.size() - 1);
}

void Communication::add_collective_wires(std::uint32_t id) {
  CommGroup& group = groups_[id];
  for (const CollectiveSpec& spec : specs(group.kind))
    for (const Transfer& t : pattern(group, spec).transfers()) {
      const std::array<std::uint32_t, 3> key{t.source, t.destination, t.channel};
      if (!group.wire_of.try_emplace(key, static_cast<std::uint32_t>(group.wires.size())).second) continue;
      group.wires.push_back(
          add_wire({.from = group.members[t.source], .to = group.members[t.destination], .group = id}));
    }
}

void Communication::add_pipeline_wires(const Program& program) {
  for (std::uint32_t stage = 0; stage < program.stages.size(); ++stage)
    for (const Instruction& instruction : program.stages[stage]) {
      if (instruction.type != Instruction::Type::send) continue;
      const Phase phase = program.messages[instruction.index].phase;
      const std::uint32_t first = layout_.gpu(0, 0, stage), count = layout_.gpus_per_stage();
      const auto probe = std::array{first, instruction.peer, static_cast<std::uint32_t>(phase)};
      if (pipeline_wire_.contains(probe)) continue;
      for (std::uint32_t gpu = first; gpu < first + count; ++gpu)
        pipeline_wire_[{gpu, instruction.peer, static_cast<std::uint32_t>(phase)}] =
            add_wire({.from = gpu, .to = layout_.peer(gpu, instruction.peer), .phase = phase});
    }
}

std::uint32_t Communication::pipeline_wire(std::uint32_t from_gpu, std::uint32_t to_stage, Phase phase) const {
  return pipeline_wire_.at({from_gpu, to_stage, static_cast<std::uint32_t>(phase)});
}

const Pattern& Communication::pattern(const CommGroup& group, const CollectiveSpec& spec) const {
  PatternKey key{spec, group.channels};
  const auto found = patterns_.find(key);
  if (found != patterns_.end()) return found->second;
  const CollectiveRow& row = *collective_table(spec.op).find(choice_.algorithm.at(spec.op));
  const auto ranks = static_cast<std::uint32_t>(group.members.size());
  const std::size_t steps = 2 * std::size_t{ranks} * ranks * group.channels.size();
  const bool fluid =
      choice_.fidelity == Fidelity::fluid || (choice_.fidelity == Fidelity::automatic && steps > flow_limit);
  CollectiveOptions options{.channels = group.channels, .fluid = fluid};
  return patterns_.emplace(std::move(key), row.build(ranks, spec.elements, options)).first->second;
}

}  // namespace rehearse
