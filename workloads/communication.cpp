#include "workloads/communication.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <unordered_map>

#include "workloads/group_keys.hpp"
#include "workloads/merged_latency.hpp"

namespace rehearse {

namespace {

/// The ways of a collective's flows in one group: each once, and which of them each flow takes.
class Ways {
 public:
  Ways(const TransferGraph& graph, const CollectiveGroup& group, Protocol protocol) {
    std::unordered_map<std::uint64_t, std::uint32_t> number;
    const std::uint64_t positions = group.ranks() + group.nodes().size();
    for (const GraphFlow& f : graph.flows()) {
      const std::uint64_t key = (f.channel * positions + f.source) * positions + f.destination;
      const auto [found, fresh] = number.try_emplace(key, static_cast<std::uint32_t>(all_.size()));
      if (fresh) {
        all_.push_back(group.wire(f.source, f.destination, f.channel, protocol));
        first_flow_.push_back(static_cast<std::uint32_t>(of_flow_.size()));
      }
      of_flow_.push_back(found->second);
    }
  }
  [[nodiscard]] std::uint32_t count() const { return static_cast<std::uint32_t>(all_.size()); }
  [[nodiscard]] const GroupWire& way(std::uint32_t number) const { return all_[number]; }
  [[nodiscard]] std::uint32_t first_flow(std::uint32_t number) const { return first_flow_[number]; }
  [[nodiscard]] std::uint32_t number_of(std::size_t flow) const { return of_flow_[flow]; }
  [[nodiscard]] const GroupWire& of(std::size_t flow) const { return all_[of_flow_[flow]]; }

 private:
  std::vector<GroupWire> all_;
  std::vector<std::uint32_t> first_flow_, of_flow_;
};

/// By flow of the graph. `wires`: by way, the wire of the group.
FlowCosts flow_costs(const TransferGraph& graph, const CollectiveSpec& spec, const Ways& ways,
                     const std::vector<std::uint32_t>& wires, const Cluster& cluster) {
  FlowCosts costs;
  costs.reserve(graph.flows().size());
  for (std::size_t i = 0; i < graph.flows().size(); ++i) {
    const double bytes = static_cast<double>(graph.flows()[i].elements * spec.element_bytes) * ways.of(i).overhead;
    costs.push_back({Bytes(std::llround(bytes)), {}, wires[ways.number_of(i)]});
  }
  const std::vector<Seconds> latencies = flow_latencies(
      graph, [&](std::size_t i) { return ways.of(i).latency; },
      [&](std::size_t i, MergedLatencies& merged) {
        for (const LinkId link : ways.of(i).route)
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

Communication::Communication(std::span<const Job> jobs, const Program& program, const Cluster& cluster)
    : jobs_(jobs), layout_(jobs, cluster), cluster_(cluster) {
  for (auto& of : group_of_) of.assign(layout_.workers(), no_group);
  for (std::uint32_t job = 0; job < jobs.size(); ++job) add_groups(job);
  add_concurrency(program);
  add_specs(program);
  for (std::uint32_t g = 0; g < groups_.size(); ++g) add_collective_wires(g);
  add_pipeline_wires(program);
  add_host_wires(program);
}

void Communication::add_groups(std::uint32_t job) {
  const PlanLayout& ranks = layout_.ranks(job);
  const GroupKeys keys(jobs_[job], ranks);
  for (std::size_t k = 0; k < group_kind_count; ++k) {
    const auto kind = static_cast<GroupKind>(k);
    std::map<std::uint32_t, std::vector<std::pair<std::uint32_t, std::uint32_t>>> found;  // (place, worker) by key
    for (std::uint32_t rank = 0; rank < ranks.ranks(); ++rank)
      if (const auto member = keys.of(kind, rank))
        found[member->group].emplace_back(member->place, layout_.first_worker(job) + rank);
    for (auto& [key, members] : found) {
      std::ranges::sort(members);
      std::vector<std::uint32_t> workers;
      for (const auto& [place, worker] : members) workers.push_back(worker);
      add_group(kind, job, std::move(workers));
    }
  }
}

namespace {

/// Whether anything but kernels, and collectives that go behind it in the same group, comes between a collective that
/// does not block and the wait for it.
bool meets_others(const Program& program, const std::vector<Instruction>& instructions, std::size_t collective) {
  const CollectiveStep& own = program.calls[instructions[collective].index].step;
  const auto handle = static_cast<std::uint32_t>(own.handle);
  for (std::size_t i = collective + 1; i < instructions.size(); ++i) {
    const Instruction::Type type = instructions[i].type;
    if (type == Instruction::Type::wait && instructions[i].index == handle) return false;
    if (type == Instruction::Type::collective && program.calls[instructions[i].index].step.group == own.group) continue;
    if (type != Instruction::Type::compute && type != Instruction::Type::memory) return true;
  }
  return true;
}

}  // namespace

void Communication::add_concurrency(const Program& program) {
  for (const Job& job : jobs_)
    concurrency_.push_back(
        {.blocking_sends = !job.plan.overlap_p2p, .repeated = jobs_.size() > 1 || job.iterations > 1});
  for (std::size_t role = 0; role < program.roles.size(); ++role) {
    Concurrency& of_job = concurrency_[layout_.roles()[role].job];
    const auto& instructions = program.roles[role];
    std::size_t last_receive = 0;
    for (std::size_t i = 0; i < instructions.size(); ++i)
      if (instructions[i].type == Instruction::Type::receive) last_receive = i;
    for (std::size_t i = 0; i < instructions.size(); ++i) {
      if (instructions[i].type != Instruction::Type::collective) continue;
      const CollectiveStep& step = program.calls[instructions[i].index].step;
      if (!step.blocking && meets_others(program, instructions, i)) of_job.overlapped.insert(instructions[i].index);
      of_job.during[static_cast<std::size_t>(step.group)] |= i < last_receive;
    }
  }
}

void Communication::add_group(GroupKind kind, std::uint32_t job, std::vector<std::uint32_t> members) {
  if (members.size() < 2) return;
  const auto id = static_cast<std::uint32_t>(groups_.size());
  std::vector<std::uint32_t> gpus;
  for (const std::uint32_t worker : members) {
    group_of_[static_cast<std::size_t>(kind)][worker] = id;
    gpus.push_back(layout_.gpu_of(worker));
  }
  groups_.push_back({.kind = kind,
                     .job = job,
                     .members = std::move(members),
                     .view = CollectiveGroup(cluster_, std::move(gpus)),
                     .specs = {},
                     .beside = {},
                     .wires = {},
                     .costs = {}});
}

void Communication::add_specs(const Program& program) {
  std::vector<std::array<std::set<std::uint32_t>, group_kind_count>> calls(jobs_.size());  // of the program, by job
  for (std::size_t role = 0; role < program.roles.size(); ++role)
    for (const Instruction& i : program.roles[role])
      if (i.type == Instruction::Type::collective)
        calls[layout_.roles()[role].job][static_cast<std::size_t>(program.calls[i.index].step.group)].insert(i.index);
  for (CommGroup& group : groups_)
    for (const std::uint32_t call : calls[group.job][static_cast<std::size_t>(group.kind)]) {
      const CollectiveSpec spec = padded_spec(program.calls[call].step, group.view);
      if (std::ranges::find(group.specs, spec) == group.specs.end()) group.specs.push_back(spec);
      if (concurrency_[group.job].overlapped.contains(call)) group.beside.insert(spec);
    }
}

std::uint32_t Communication::add_wire(Wire wire) {
  wires_.push_back(std::move(wire));
  return static_cast<std::uint32_t>(wires_.size() - 1);
}

void Communication::add_collective_wires(std::uint32_t id) {
  CommGroup& group = groups_[id];
  // A group's collectives come one after another. So each algorithm has wires of its own, though they go the same way:
  // what is asymmetric in one does not keep the others from being folded.
  std::vector<std::pair<const CollectiveRow*, bool>> uses;
  std::map<std::array<std::uint32_t, 4>, std::uint32_t> known;
  for (const CollectiveSpec& spec : group.specs) {
    const PreparedCollective& collective = prepared(group, spec);
    const Protocol protocol = collective.chosen.way.protocol;
    const Ways ways(collective.graph, group.view, protocol);
    const bool beside = group.beside.contains(spec);
    const std::pair found(collective.chosen.way.row, beside);
    const auto use = static_cast<std::uint32_t>(std::ranges::find(uses, found) - uses.begin());
    if (use == uses.size()) uses.push_back(found);
    std::vector<std::uint32_t> wires;
    for (std::uint32_t w = 0; w < ways.count(); ++w) {
      const GraphFlow& f = collective.graph.flows()[ways.first_flow(w)];
      const auto next = static_cast<std::uint32_t>(group.wires.size());
      const auto [wire, fresh] = known.try_emplace({f.source, f.destination, f.channel, use}, next);
      wires.push_back(wire->second);
      if (!fresh) continue;
      // A switch is no worker: what it sends and gets is its peer's.
      const std::uint32_t ranks = group.view.ranks();
      const std::uint32_t from = f.source < ranks ? f.source : f.destination;
      const std::uint32_t to = f.destination < ranks ? f.destination : f.source;
      group.wires.push_back(add_wire({.from = group.members[from],
                                      .to = group.members[to],
                                      .group = id,
                                      .route = ways.way(w).route,
                                      .flow = f.channel,
                                      .to_switch = from == to,
                                      .beside = beside,
                                      .use = use,
                                      .every_latency = protocol == Protocol::none,
                                      .latency = {}}));
    }
    group.costs[spec] = shared(collective, flow_costs(collective.graph, spec, ways, wires, cluster_));
  }
}

std::shared_ptr<const FlowCosts> Communication::shared(const PreparedCollective& collective, FlowCosts costs) {
  auto& known = costs_[&collective];
  const auto same = std::ranges::find_if(known, [&](const auto& other) { return *other == costs; });
  if (same != known.end()) return *same;
  return known.emplace_back(std::make_shared<const FlowCosts>(std::move(costs)));
}

void Communication::add_pipeline_wires(const Program& program) {
  std::vector<std::set<std::pair<std::uint32_t, Phase>>> sends(program.roles.size());  // peer's stage, phase
  for (std::size_t role = 0; role < program.roles.size(); ++role)
    for (const Instruction& i : program.roles[role])
      if (i.type == Instruction::Type::send) sends[role].insert({i.peer, program.messages[i.index].phase});
  for (std::uint32_t worker = 0; worker < layout_.workers(); ++worker)
    for (const auto& [stage, phase] : sends[layout_.role_of(worker)]) {
      const std::uint32_t to = layout_.peer(worker, stage);
      const CollectiveGroup pair(cluster_, {layout_.gpu_of(worker), layout_.gpu_of(to)});
      GroupWire way = pair.wire(0, 1, 0, message_protocol(pair));
      pipeline_wire_[{worker, stage, static_cast<std::uint32_t>(phase)}] =
          add_wire({.from = worker,
                    .to = to,
                    .phase = phase,
                    .route = std::move(way.route),
                    .every_latency = message_protocol(pair) == Protocol::none,
                    .latency = way.latency});
    }
}

void Communication::add_host_wires(const Program& program) {
  std::vector<std::set<HostWay>> ways(program.roles.size());
  for (std::size_t role = 0; role < program.roles.size(); ++role)
    for (const Instruction& i : program.roles[role])
      if (i.type == Instruction::Type::host) ways[role].insert(program.host[i.index].step.way);
  for (std::uint32_t worker = 0; worker < layout_.workers(); ++worker)
    for (const HostWay way : ways[layout_.role_of(worker)]) {
      const std::uint32_t gpu = layout_.gpu_of(worker);
      std::vector<LinkId> route =
          way == HostWay::from_host ? cluster_.route_from_host(gpu) : cluster_.route_to_host(gpu);
      if (way == HostWay::on_host) route.erase(route.begin());
      Seconds latency;
      for (const LinkId link : route) latency += cluster_.links()[index(link)].latency;
      host_wire_[{worker, way}] = add_wire({.from = worker,
                                            .to = worker,
                                            .route = std::move(route),
                                            .host = way,
                                            .every_latency = true,
                                            .latency = latency});
    }
}

std::uint32_t Communication::host_wire(std::uint32_t worker, HostWay way) const { return host_wire_.at({worker, way}); }

std::uint32_t Communication::pipeline_wire(std::uint32_t from, std::uint32_t to_stage, Phase phase) const {
  return pipeline_wire_.at({from, to_stage, static_cast<std::uint32_t>(phase)});
}

const PreparedCollective& Communication::prepared(const CommGroup& group, const CollectiveSpec& spec) const {
  const CollectiveChoice& choice = jobs_[group.job].collectives;
  std::tuple key(group.job, spec, group.view.nodes(), group.view.types(), group.view.has_switches());
  const auto found = prepared_.find(key);
  if (found != prepared_.end()) return found->second;
  const CollectiveTask task{.op = spec.op, .elements = spec.elements, .element_bytes = spec.element_bytes};
  PreparedCollective out{.chosen = collective_candidates(group.view, task, choice.wish.at(spec.op)).front(),
                         .fluid = choice.fidelity == Fidelity::fluid,
                         .graph = {}};
  CollectiveWay& way = out.chosen.way;
  const auto build = [&] { return build_collective(*way.row, group.view.ranks(), spec.elements, way.options); };
  if (choice.fidelity == Fidelity::automatic) out.fluid = count_flows(build(), false, flow_limit) > flow_limit;
  way.options.fluid = out.fluid;
  out.graph = TransferGraph(build(), out.fluid);
  return prepared_.emplace(std::move(key), std::move(out)).first->second;
}

}  // namespace rehearse
