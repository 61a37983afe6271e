#include "scenarios/collective_world.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "engine/base/quantity_text.hpp"
#include "workloads/merged_latency.hpp"
#include "workloads/pattern_source.hpp"

namespace rehearse {

namespace {

/// Up to so many messages a result is held against their longest chain, too.
constexpr std::size_t most_chained = 20'000;

Network network_of(const Cluster& cluster) {
  Network network;
  for (const Link& link : cluster.links()) network.add_link(link);
  return network;
}

bool is_fluid(Fidelity fidelity, const Pattern& pattern) {
  if (fidelity != Fidelity::automatic) return fidelity == Fidelity::fluid;
  return count_flows(pattern, false, lone_flow_limit) > lone_flow_limit;
}

Seconds busiest_link(const Network& network, const std::vector<double>& link_bytes) {
  Seconds longest;
  for (std::size_t i = 0; i < link_bytes.size(); ++i)
    longest = std::max(longest, Seconds(link_bytes[i] / network.links()[i].bandwidth.value()));
  return longest;
}

Seconds longest_chain(CollectiveWorld& world, const CollectiveRun& run) {
  const std::vector<Seconds> arrivals = arrivals_alone(world, run, TransferGraph(run.pattern, run.fluid));
  return arrivals.empty() ? Seconds(0) : std::ranges::max(arrivals);
}

void hold_against(Seconds makespan, Seconds bound, std::string_view name, const CollectiveRun& run) {
  if (makespan >= bound * (1 - 1e-9)) return;
  throw std::logic_error(fmt::format("{} {} of {} elements on {} ranks in {} is below a physical bound: {}, {}",
                                     run.way.row->name, collective_op_name(run.task.op), run.task.elements,
                                     run.group.ranks(), to_text(makespan), name, to_text(bound)));
}

CollectivePoint describe(const CollectiveRun& run) {
  CollectivePoint point;
  point.op = run.task.op;
  point.ranks = run.group.ranks();
  point.nodes = static_cast<std::uint32_t>(run.group.nodes().size());
  point.bytes = Bytes(run.task.elements * run.task.element_bytes);
  point.elements = run.task.elements;
  point.algorithm = run.way.row->name;
  point.protocol = run.way.protocol;
  point.channels = static_cast<std::uint32_t>(std::max<std::size_t>(1, run.way.options.channels.size()));
  point.chunks = std::max(1U, run.way.options.chunks);
  point.fluid = run.fluid;
  point.start = collective_start(run.group, run.task, run.way);
  return point;
}

}  // namespace

CollectiveWorld::CollectiveWorld(const Cluster& cluster)
    : replayer_(network_of(cluster)),
      has_conditions_(rehearse::has_conditions(cluster)),
      conditions_(cluster, replayer_) {
  if (has_conditions_) replayer_.set_conditions(&conditions_);
}

const WirePath& CollectiveWorld::wire(const CollectiveRun& run, std::uint32_t source, std::uint32_t destination,
                                      std::uint32_t channel) {
  // Positions are below 2^22 and channels below 2^12.
  const std::uint64_t key = ((std::uint64_t{channel} << 44 | std::uint64_t{source} << 22 | destination) << 2) |
                            static_cast<std::uint64_t>(run.way.protocol);
  const auto [found, fresh] = wires_.try_emplace(key);
  if (fresh) {
    const GroupWire wire = run.group.wire(source, destination, channel, run.way.protocol);
    std::vector<Hop> hops;
    for (const LinkId link : wire.route) hops.push_back({link, 1});
    const PathId path = replayer_.add_path(std::move(hops), Seconds(0));
    if (has_conditions_ && std::max(source, destination) < run.group.ranks())
      conditions_.add_path(path, {.from = run.group.gpu_at(source),
                                  .to = run.group.gpu_at(destination),
                                  .flow = channel,
                                  .every_latency = run.way.protocol == Protocol::none});
    found->second = {path, wire.latency, replayer_.network().bottleneck(path),
                     wire.overhead * static_cast<double>(run.task.element_bytes)};
  }
  return found->second;
}

CollectiveRun prepare_run(const CollectiveJob& job, const CollectiveGroup& group, Bytes bytes, CollectiveWay way) {
  const CollectiveTask task = task_of(job, group.ranks(), bytes);
  way.options.fluid = false;
  Pattern pattern = build_collective(*way.row, group.ranks(), task.elements, way.options);
  const bool fluid = is_fluid(job.fidelity, pattern);
  if (fluid) {
    way.options.fluid = true;
    pattern = build_collective(*way.row, group.ranks(), task.elements, way.options);
  }
  return {group, task, std::move(way), std::move(pattern), fluid};
}

CollectivePoint simulate_run(CollectiveWorld& world, const CollectiveRun& run) {
  const auto source = pattern_source(run.pattern, run.fluid, world.replayer().network(),
                                     [&](std::uint32_t from, std::uint32_t to, std::uint32_t channel) -> SourceWire {
                                       const WirePath& wire = world.wire(run, from, to, channel);
                                       return {wire.path, wire.latency, wire.bytes_per_element};
                                     });
  const SourceReplay replay = world.replayer().replay(*source);
  const bool bounded = !world.has_conditions();
  if (bounded)
    hold_against(replay.makespan, busiest_link(world.replayer().network(), replay.link_bytes), "busiest link", run);
  if (bounded && count_flows(run.pattern, run.fluid, most_chained) <= most_chained)
    hold_against(replay.makespan, longest_chain(world, run), "longest chain of messages", run);
  CollectivePoint point = describe(run);
  point.flows = replay.flows;
  point.time = point.start + replay.makespan;
  return point;
}

Bytes bytes_of(const WirePath& wire, std::int64_t elements) {
  return Bytes(std::llround(static_cast<double>(elements) * wire.bytes_per_element));
}

std::vector<Seconds> latencies_of(CollectiveWorld& world, const CollectiveRun& run, const TransferGraph& graph) {
  const auto wire = [&](std::size_t i) -> const WirePath& {
    const GraphFlow& flow = graph.flows()[i];
    return world.wire(run, flow.source, flow.destination, flow.channel);
  };
  return flow_latencies(
      graph, [&](std::size_t i) { return wire(i).latency; },
      [&](std::size_t i, MergedLatencies& merged) {
        const Network& network = world.replayer().network();
        for (const Hop& hop : network.hops(wire(i).path))
          merged.cross(hop.link,
                       bytes_of(wire(i), graph.flows()[i].elements) / network.link(hop.link).bandwidth * hop.times);
      });
}

std::vector<Seconds> arrivals_alone(CollectiveWorld& world, const CollectiveRun& run, const TransferGraph& graph) {
  const std::vector<Seconds> latencies = latencies_of(world, run, graph);
  std::vector<Seconds> arrival(graph.flows().size()), left(graph.turns().size());
  for (std::size_t t = 0; t < graph.turns().size(); ++t) {
    const GraphTurn& turn = graph.turns()[t];
    Seconds begin = turn.before == GraphTurn::none ? Seconds(0) : left[turn.before];
    for (const std::uint32_t flow : graph.awaits(turn)) begin = std::max(begin, arrival[flow]);
    left[t] = begin;
    for (const std::uint32_t f : graph.sends(turn)) {
      const GraphFlow& flow = graph.flows()[f];
      const WirePath& wire = world.wire(run, flow.source, flow.destination, flow.channel);
      const Seconds end = begin + bytes_of(wire, flow.elements) / wire.bandwidth;
      left[t] = std::max(left[t], end);
      arrival[f] = end + latencies[f];
    }
  }
  return arrival;
}

}  // namespace rehearse
