#include "workloads/communication.hpp"

#include <algorithm>
#include <cmath>

#include "workloads/merged_latency.hpp"

namespace rehearse {

namespace {

using Ways = std::map<std::array<std::uint32_t, 3>, GroupWire>;

/// By flow of the graph.
std::vector<FlowCost> flow_costs(const TransferGraph& graph, const CollectiveSpec& spec, const Ways& ways,
                                 const Cluster& cluster) {
  const auto way = [&](const GraphFlow& f) -> const GroupWire& {
    return ways.at({f.source, f.destination, f.channel});
  };
  std::vector<FlowCost> costs;
  for (const GraphFlow& f : graph.flows()) {
    const double bytes = static_cast<double>(f.elements * spec.element_bytes) * way(f).overhead;
    costs.push_back({Bytes(std::llround(bytes)), {}});
  }
  const std::vector<Seconds> latencies = flow_latencies(
      graph, [&](const GraphFlow& f) { return way(f).latency; },
      [&](std::size_t i, MergedLatencies& merged) {
        for (const LinkId link : way(graph.flows()[i]).route)
          merged.cross(link, costs[i].bytes / cluster.links()[index(link)].bandwidth);
      });
  for (std::size_t i = 0; i < costs.size(); ++i) costs[i].latency = latencies[i];
  return costs;
}

/// Point to point messages have no choice of algorithm: plain data, in one piece.
Protocol message_protocol(const CollectiveGroup& pair) {
  return pair.has_protocol(Protocol::simple) ? Protocol::simple : Protocol::none;
}

}  // namespace

CollectiveSpec padded_spec(const CollectiveStep& step, const CollectiveGroup& group) {
  const auto unit = static_cast<std::int64_t>(group.ranks() * group.ring_channels().size());
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
    const CollectiveSpec spec = padded_spec(call.step, group->view);
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
  groups_.push_back({.kind = kind, .view = CollectiveGroup(cluster_, std::move(members)), .wires = {}, .wire_of = {}});
}

std::uint32_t Communication::add_wire(Wire wire) {
  wires_.push_back(std::move(wire));
  return static_cast<std::uint32_t>(wires_.size() - 1);
}

void Communication::add_collective_wires(std::uint32_t id) {
  CommGroup& group = groups_[id];
  for (const CollectiveSpec& spec : specs(group.kind)) {
    const PreparedCollective& collective = prepared(group, spec);
    Ways ways;
    for (const GraphFlow& f : collective.graph.flows()) {
      const std::array<std::uint32_t, 3> key{f.source, f.destination, f.channel};
      const auto [way, fresh] = ways.try_emplace(key);
      if (!fresh) continue;
      way->second = group.view.wire(f.source, f.destination, f.channel, collective.chosen.way.protocol);
      if (!group.wire_of.try_emplace(key, static_cast<std::uint32_t>(group.wires.size())).second) continue;
      // A switch has no GPU of its own: what it sends and gets is its peer's.
      const std::uint32_t ranks = group.view.ranks();
      const std::uint32_t from = f.source < ranks ? f.source : f.destination;
      const std::uint32_t to = f.destination < ranks ? f.destination : f.source;
      group.wires.push_back(add_wire({.from = group.view.gpu_at(from),
                                      .to = group.view.gpu_at(to),
                                      .group = id,
                                      .route = way->second.route,
                                      .latency = {}}));
    }
    group.costs[spec] = flow_costs(collective.graph, spec, ways, cluster_);
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
      for (std::uint32_t gpu = first; gpu < first + count; ++gpu) {
        const std::uint32_t to = layout_.peer(gpu, instruction.peer);
        const CollectiveGroup pair(cluster_, {gpu, to});
        GroupWire way = pair.wire(0, 1, 0, message_protocol(pair));
        pipeline_wire_[{gpu, instruction.peer, static_cast<std::uint32_t>(phase)}] =
            add_wire({.from = gpu, .to = to, .phase = phase, .route = std::move(way.route), .latency = way.latency});
      }
    }
}

std::uint32_t Communication::pipeline_wire(std::uint32_t from_gpu, std::uint32_t to_stage, Phase phase) const {
  return pipeline_wire_.at({from_gpu, to_stage, static_cast<std::uint32_t>(phase)});
}

const PreparedCollective& Communication::prepared(const CommGroup& group, const CollectiveSpec& spec) const {
  std::pair key(spec, group.view.nodes());
  const auto found = prepared_.find(key);
  if (found != prepared_.end()) return found->second;
  const CollectiveTask task{.op = spec.op, .elements = spec.elements, .element_bytes = spec.element_bytes};
  PreparedCollective out{.chosen = collective_candidates(group.view, task, choice_.wish.at(spec.op)).front(),
                         .fluid = choice_.fidelity == Fidelity::fluid,
                         .graph = {}};
  CollectiveWay& way = out.chosen.way;
  const auto build = [&] { return build_collective(*way.row, group.view.ranks(), spec.elements, way.options); };
  if (choice_.fidelity == Fidelity::automatic) out.fluid = count_flows(build(), false, flow_limit) > flow_limit;
  way.options.fluid = out.fluid;
  out.graph = TransferGraph(build(), out.fluid);
  return prepared_.emplace(std::move(key), std::move(out)).first->second;
}

}  // namespace rehearse
