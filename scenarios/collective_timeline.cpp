// One collective as a Schedule, and its Result: what a trace shows.
#include <algorithm>
#include <cmath>
#include <map>
#include <stdexcept>
#include <tuple>

#include <fmt/format.h>

#include "engine/base/quantity_text.hpp"
#include "scenarios/collective_world.hpp"
#include "scenarios/version.hpp"

namespace rehearse {

namespace {

constexpr std::size_t shown_links = 8;
/// Relative: a replay of one and the other differ by the order of what happens at once.
constexpr double same_time = 1e-6;

/// Launches on every position's lane, then the turns: a join, its flows, and behind each flow its latency.
class TimelineSchedule {
 public:
  TimelineSchedule(CollectiveWorld& world, const CollectiveRun& run, const CollectivePoint& point)
      : world_(world), run_(run), graph_(run.pattern, run.fluid), builder_(run.pattern.positions()) {
    title_ = builder_.name(fmt::format("{} {}", point.algorithm, collective_op_name(point.op)));
    add_launches(point.start);
    add_flows();
    add_spans(point.bytes);
  }

  Schedule build() { return builder_.build(); }

  /// A message is drawn until it arrives, not until its last byte leaves.
  void draw_latencies(Timeline& timeline) const {
    for (std::size_t i = 0; i < flows_.size(); ++i) timeline.end[index(flows_[i])] = timeline.end[index(arrivals_[i])];
  }

 private:
  void add_launches(Seconds start) {
    for (std::uint32_t p = 0; p < run_.pattern.positions(); ++p) {
      const LaneId lane = builder_.add_lane(Rank{p}, "communication");
      launched_.push_back(builder_.add_compute(builder_.name("launch"), Kind::other, lane, start));
    }
  }

  void add_flows() {
    const std::vector<Seconds> latencies = latencies_of(world_, run_, graph_);
    flows_.resize(graph_.flows().size());
    arrivals_.resize(graph_.flows().size());
    for (const GraphTurn& turn : graph_.turns()) {
      const OpId begin = begin_of(turn);
      for (const std::uint32_t f : graph_.sends(turn)) add_flow(f, begin, latencies[f]);
    }
  }

  OpId begin_of(const GraphTurn& turn) {
    const OpId begin = builder_.add_join();
    builder_.add_edge(launched_[graph_.flows()[graph_.sends(turn).front()].source], begin);
    if (turn.before != GraphTurn::none)
      for (const std::uint32_t flow : graph_.sends(graph_.turns()[turn.before])) builder_.add_edge(flows_[flow], begin);
    for (const std::uint32_t flow : graph_.awaits(turn)) builder_.add_edge(arrivals_[flow], begin);
    return begin;
  }

  void add_flow(std::uint32_t f, OpId begin, Seconds latency) {
    const GraphFlow& flow = graph_.flows()[f];
    const WirePath& wire = world_.wire(run_, flow.source, flow.destination, flow.channel);
    if (flow.local()) {
      flows_[f] = arrivals_[f] = builder_.add_join();
    } else {
      flows_[f] =
          builder_.add_flow(builder_.name(fmt::format("channel {}", flow.channel)), Kind::other, Rank{flow.source},
                            Rank{flow.destination}, bytes_of(wire, flow.elements), wire.path);
      arrivals_[f] = builder_.add_compute(builder_.name("latency"), Kind::other, no_lane, latency);
      builder_.add_edge(flows_[f], arrivals_[f]);
    }
    builder_.add_edge(begin, flows_[f]);
  }

  /// On every position's lane the collective, from its launch to its last message.
  void add_spans(Bytes bytes) {
    std::vector<OpId> closes;
    for (std::uint32_t p = 0; p < run_.pattern.positions(); ++p) {
      closes.push_back(builder_.add_join());
      builder_.add_edge(launched_[p], closes.back());
    }
    for (std::size_t i = 0; i < flows_.size(); ++i) {
      builder_.add_edge(flows_[i], closes[graph_.flows()[i].source]);
      builder_.add_edge(arrivals_[i], closes[graph_.flows()[i].destination]);
    }
    for (std::uint32_t p = 0; p < run_.pattern.positions(); ++p)
      builder_.add_span({title_, LaneId{p}, launched_[p], closes[p], bytes, {}, Kind::other});
  }

  CollectiveWorld& world_;
  const CollectiveRun& run_;
  TransferGraph graph_;
  ScheduleBuilder builder_;
  NameId title_{};
  std::vector<OpId> launched_;          // by position
  std::vector<OpId> flows_, arrivals_;  // as the graph's flows
};

std::vector<SimulatedGpu> gpus_of(const CollectiveRun& run, Seconds time) {
  std::vector<SimulatedGpu> gpus;
  const Cluster& cluster = run.group.cluster();
  for (std::uint32_t p = 0; p < run.pattern.positions(); ++p) {
    const std::uint32_t gpu = run.group.gpu_at(p), node = cluster.node_of(gpu);
    const bool is_switch = p >= run.group.ranks();
    SimulatedGpu& row = gpus.emplace_back();
    row.rank = Rank{p};
    row.gpu = is_switch ? cluster.gpu_count() + node : gpu;
    row.node = node;
    row.breakdown.bubble = time;
    row.title = is_switch ? fmt::format("switch of node {}", node) : fmt::format("GPU {}", gpu);
  }
  return gpus;
}

/// The most utilised links, each by itself.
std::vector<LinkUse> hottest_links(const Network& network, const Schedule& schedule, const Timeline& timeline) {
  std::vector<std::uint32_t> order;
  for (std::uint32_t i = 0; i < timeline.link_bytes.size(); ++i)
    if (timeline.link_bytes[i] > 0) order.push_back(i);
  const auto use = [&](std::uint32_t i) {
    return timeline.link_bytes[i] / (network.links()[i].bandwidth.value() * timeline.makespan.value());
  };
  std::ranges::stable_sort(order, [&](std::uint32_t a, std::uint32_t b) { return use(a) > use(b); });
  order.resize(std::min(order.size(), shown_links));
  std::vector<bool> used(network.path_count());
  for (const Op& op : schedule.ops())
    if (op.type == OpType::flow) used[index(Schedule::path(op))] = true;
  std::map<std::uint32_t, std::size_t> row_of;
  std::vector<LinkUse> rows;
  for (const std::uint32_t i : order) {
    row_of[i] = rows.size();
    rows.push_back({network.links()[i], {}, timeline.link_bytes[i], use(i)});
  }
  for (std::uint32_t p = 0; p < network.path_count(); ++p) {
    if (!used[p]) continue;
    for (const Hop& hop : network.hops(PathId{p}))
      if (const auto row = row_of.find(static_cast<std::uint32_t>(index(hop.link))); row != row_of.end())
        rows[row->second].crossed_by.emplace_back(PathId{p}, hop.times);
  }
  return rows;
}

}  // namespace

void check_traceable(const CollectiveRun& run) {
  const std::size_t flows = count_flows(run.pattern, run.fluid, most_traced_flows);
  if (flows > most_traced_flows)
    throw InputError(fmt::format(
        "a trace of more than {} messages is of use to nobody: this collective has {} or more; ask for fewer "
        "ranks, another algorithm, larger chunks, or fidelity fluid",
        most_traced_flows, flows));
}

Result timeline_of(CollectiveWorld& world, const CollectiveJob& job, const CollectiveRun& run,
                   const CollectivePoint& point) {
  Result r;
  TimelineSchedule schedule(world, run, point);
  r.schedule = schedule.build();
  r.timeline = world.replayer().replay(r.schedule);
  if (std::abs(r.timeline.makespan / point.time - 1) > same_time)
    throw std::logic_error(fmt::format("the same collective took {:.12g} s and as a schedule {:.12g} s",
                                       point.time.value(), r.timeline.makespan.value()));
  r.network = world.replayer().network();
  r.hottest_links = hottest_links(r.network, r.schedule, r.timeline);
  schedule.draw_latencies(r.timeline);
  r.name = fmt::format("{} of {}, {}, {} ranks", collective_op_name(point.op), to_text(point.bytes), point.algorithm,
                       point.ranks);
  r.version = std::string(version());
  r.scenario = job.resolved;
  r.gpu_count = point.ranks;
  r.iteration_time = point.time;
  r.ops = r.schedule.size();
  r.flows = r.schedule.flow_count();
  r.collectives = 1;
  r.gpus = gpus_of(run, point.time);
  return r;
}

}  // namespace rehearse
