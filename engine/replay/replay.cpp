#include "engine/replay.hpp"

#include <algorithm>
#include <optional>
#include <span>
#include <stdexcept>
#include <vector>

#include "engine/replay/lanes.hpp"
#include "engine/replay/paces.hpp"
#include "engine/replay/simgrid_world.hpp"
#include "engine/replay/source_walk.hpp"
#include "engine/replay/traffic.hpp"

namespace rehearse {

using replay_detail::Lanes;
using replay_detail::Paces;
using replay_detail::SimgridWorld;
using replay_detail::SourceWalk;
using replay_detail::Traffic;

/// Walks the graph: what is ready starts; what ends frees its successors.
class Replayer::Impl {
 public:
  explicit Impl(Network network)
      : network_(std::move(network)),
        world_(
            network_,
            {.on_timer = [this](std::uint32_t token) { timer(token); },
             .on_flow_end = [this](std::uint32_t token) { traffic_.left(token), flow_end(token); },
             .on_settled = [this] { lanes_.serve([this](std::uint32_t op, double date) { begin_compute(op, date); }); },
             .on_date = [this] { traffic_.change_links(); }}),
        traffic_(network_, world_,
                 {.on_longer = [this](std::uint32_t token, double more) { return flow_longer(token, more); },
                  .on_flow_end = [this](std::uint32_t token) { flow_end(token); }}) {}

  Timeline replay(const Schedule& schedule);
  SourceReplay replay(FlowSource& source);
  void set_conditions(Conditions* conditions) { conditions_ = conditions; }
  PathId add_path(std::vector<Hop> hops, Seconds latency);
  [[nodiscard]] const Network& network() const { return network_; }

 private:
  /// What the walk needs of an op, side by side: with thousands of lanes every op is on another page, and pages are
  /// what a walk over many arrays pays for.
  struct Node {
    double amount = 0;
    double begin = 0, end = 0;          // a flow's end is first the end of its latency
    std::uint32_t pending = 0;          // predecessors that have not ended
    std::uint32_t first_successor = 0;  // up to that of the next node
    std::uint32_t where = no_index;     // as in Op
    OpType type = OpType::join;
    bool turns = false;  // spans that slow others down open or close with it
  };

  // What the world tells goes to the source that is replayed, or else to the schedule.
  void timer(std::uint32_t token) { source_ ? source_->timer_ended(token) : timer_ended(token); }
  void flow_end(std::uint32_t token) { source_ ? source_->flow_ended(token) : end(token, world_.now() - epoch_); }
  bool flow_longer(std::uint32_t token, double more);

  void begin_replay();
  void check_ids(const Schedule& schedule) const;
  void make_nodes(const Schedule& schedule);
  [[nodiscard]] Timeline take_timeline();
  void start(std::uint32_t op, double now);
  void start_compute(std::uint32_t op, double now);
  void begin_compute(std::uint32_t op, double now);
  void start_flow(std::uint32_t op, double now);
  void timer_ended(std::uint32_t op);
  void enter_network(std::uint32_t op, double now);
  void move_end(std::uint32_t op, double to);
  [[nodiscard]] bool takes_no_time(const Node& node) const;
  void end(std::uint32_t op, double now);

  Network network_;
  SimgridWorld world_;
  Traffic traffic_;
  Conditions* conditions_ = nullptr;  // of the replays to come
  std::optional<SourceWalk> source_;  // of the replay under way, if it is one of a source
  bool cut_off_ = false;              // by an exception of a source or of conditions
  // State of the replay of a schedule under way. Dates are relative to `epoch_`, the engine's clock when it began.
  const Schedule* schedule_ = nullptr;
  double epoch_ = 0;
  std::vector<Node> nodes_;  // by op, and one behind the last
  std::span<const OpId> successors_;
  Lanes lanes_;
  Paces paces_;
  std::vector<std::uint32_t> done_;  // ops that have ended and whose successors have not been told yet
  std::size_t ended_ = 0;
};

void Replayer::Impl::begin_replay() {
  if (cut_off_) throw std::logic_error("an exception ended a replay: its flows are still under way");
  cut_off_ = true;
  traffic_.begin(conditions_);
}

Timeline Replayer::Impl::replay(const Schedule& schedule) {
  check_ids(schedule);
  begin_replay();
  schedule_ = &schedule;
  epoch_ = world_.now();
  ended_ = 0;
  lanes_.reset(schedule.lanes().size());
  paces_.reset(schedule, conditions_);
  make_nodes(schedule);
  std::vector<std::uint32_t> roots;
  for (std::uint32_t i = 0; i < schedule.size(); ++i)
    if (nodes_[i].pending == 0) roots.push_back(i);
  for (std::uint32_t op : roots) start(op, 0.0);
  world_.run();
  cut_off_ = false;
  if (ended_ != schedule.size()) throw std::logic_error("the schedule did not run to its end: it has a cycle");
  return take_timeline();
}

SourceReplay Replayer::Impl::replay(FlowSource& source) {
  begin_replay();
  source_.emplace(source, network_, world_, traffic_);
  source_->begin();
  world_.run();
  SourceReplay result = source_->result();
  source_.reset();
  cut_off_ = false;
  return result;
}

PathId Replayer::Impl::add_path(std::vector<Hop> hops, Seconds latency) {
  const PathId path = network_.add_path(std::move(hops), latency);
  world_.add_path(network_.hops(path));
  return path;
}

void Replayer::Impl::make_nodes(const Schedule& schedule) {
  nodes_.assign(schedule.size() + 1, {});
  successors_ = schedule.all_successors();
  std::uint32_t first = 0;
  for (std::uint32_t i = 0; i < schedule.size(); ++i) {
    const Op& op = schedule.ops()[i];
    nodes_[i] = {.amount = op.amount,
                 .pending = schedule.predecessor_count(OpId{i}),
                 .first_successor = first,
                 .where = op.where,
                 .type = op.type};
    first += static_cast<std::uint32_t>(schedule.successors(OpId{i}).size());
  }
  nodes_.back().first_successor = first;
  for (const OpId op : paces_.turning()) nodes_[index(op)].turns = true;
}

Timeline Replayer::Impl::take_timeline() {
  Timeline timeline;
  timeline.begin.reserve(schedule_->size());
  timeline.end.reserve(schedule_->size());
  for (std::size_t i = 0; i < schedule_->size(); ++i) {
    timeline.begin.emplace_back(nodes_[i].begin);
    timeline.end.emplace_back(nodes_[i].end);
    timeline.makespan = std::max(timeline.makespan, timeline.end.back());
  }
  nodes_ = {};
  timeline.link_bytes = bytes_by_link(traffic_.as_taken(bytes_by_path(*schedule_, network_.path_count())), network_);
  return timeline;
}

void Replayer::Impl::check_ids(const Schedule& schedule) const {
  const auto check_path = [this](PathId path) {
    if (index(path) >= network_.path_count()) throw std::logic_error("an op takes a path that the network lacks");
  };
  for (const Op& op : schedule.ops()) {
    if (op.type == OpType::flow) check_path(Schedule::path(op));
    if (op.type == OpType::compute && Schedule::lane(op) != no_lane && op.where >= schedule.lanes().size())
      throw std::logic_error("an op runs on a lane that the schedule lacks");
  }
  for (std::uint32_t i = 0; i < schedule.load_group_count(); ++i)
    for (const Load& load : schedule.load_group(i)) check_path(load.path);
  for (const Span& span : schedule.spans())
    if (std::max(index(span.opens), index(span.closes)) >= schedule.size() ||
        index(span.lane) >= schedule.lanes().size())
      throw std::logic_error("a span names an op or a lane that the schedule lacks");
}

void Replayer::Impl::start(std::uint32_t op, double now) {
  switch (nodes_[op].type) {
    case OpType::compute: return start_compute(op, now);
    case OpType::flow: return start_flow(op, now);
    case OpType::join: nodes_[op].begin = now; return end(op, now);
  }
}

void Replayer::Impl::start_compute(std::uint32_t op, double now) {
  const LaneId id{nodes_[op].where};
  if (id == no_lane) return begin_compute(op, now);
  if (lanes_.wait(id, op, now)) world_.ask_settled();
}

void Replayer::Impl::begin_compute(std::uint32_t op, double now) {
  Node& compute = nodes_[op];
  compute.begin = now;
  compute.end = paces_.begin(LaneId{compute.where}, op, now, compute.amount);
  world_.start_timer(epoch_ + compute.end, op);
}

void Replayer::Impl::start_flow(std::uint32_t op, double now) {
  Node& flow = nodes_[op];
  flow.begin = now;
  const PathId path{flow.where};
  const std::uint32_t rounds = schedule_->ops()[op].rounds;
  const double latency = traffic_.start({.token = op,
                                         .path = path,
                                         .bytes = flow.amount,
                                         .latency = network_.latency(path).value() * rounds,
                                         .times = rounds});
  flow.end = now + latency;
  if (latency > 0) return world_.start_timer(epoch_ + flow.end, op);
  enter_network(op, now);
}

/// A compute op ended, or a flow's latency is paid. The op's own sum of times is exact; the engine's clock, which has
/// an epoch added, may be off by a rounding.
void Replayer::Impl::timer_ended(std::uint32_t op) {
  const double now = nodes_[op].end;
  if (nodes_[op].type == OpType::flow) return enter_network(op, now);
  const LaneId lane{nodes_[op].where};
  if (lane != no_lane) paces_.end(lane);
  end(op, now);
  if (lane != no_lane && lanes_.free(lane, now)) world_.ask_settled();
}

void Replayer::Impl::enter_network(std::uint32_t op, double now) {
  const Node& flow = nodes_[op];
  if (!traffic_.enter(op, PathId{flow.where}, flow.amount)) end(op, now);
}

/// A schedule's flow pays the latency of another way before it goes on there.
bool Replayer::Impl::flow_longer(std::uint32_t token, double more) {
  if (source_) {
    source_->flow_longer(token, more);
    return false;
  }
  nodes_[token].end = world_.now() - epoch_ + more;
  world_.start_timer(epoch_ + nodes_[token].end, token);
  return true;
}

void Replayer::Impl::move_end(std::uint32_t op, double to) {
  world_.stop_timer(epoch_ + nodes_[op].end, op);
  nodes_[op].end = to;
  world_.start_timer(epoch_ + to, op);
}

bool Replayer::Impl::takes_no_time(const Node& node) const {
  if (node.type != OpType::flow) return node.type == OpType::join;
  const PathId path{node.where};
  if (network_.latency(path) > Seconds()) return false;
  return network_.hops(path).empty() || (node.amount == 0 && traffic_.conditions() == nullptr);  // else it asks its way
}

void Replayer::Impl::end(std::uint32_t op, double now) {
  // What takes no time ends at once and may form long chains: a work list, not recursion.
  const std::size_t others = done_.size();
  done_.push_back(op);
  while (done_.size() > others) {
    const std::uint32_t current = done_.back();
    done_.pop_back();
    nodes_[current].end = now;
    ++ended_;
    if (nodes_[current].turns)
      paces_.turn(current, now, [this](std::uint32_t op_under_way, double to) { move_end(op_under_way, to); });
    for (std::uint32_t s = nodes_[current].first_successor; s < nodes_[current + 1].first_successor; ++s) {
      const auto next = static_cast<std::uint32_t>(successors_[s]);
      if (--nodes_[next].pending > 0) continue;
      if (takes_no_time(nodes_[next])) {
        nodes_[next].begin = now;
        done_.push_back(next);
      } else {
        start(next, now);
      }
    }
  }
}

Replayer::Replayer(Network network) : impl_(std::make_unique<Impl>(std::move(network))) {}
Replayer::~Replayer() = default;
Timeline Replayer::replay(const Schedule& schedule) { return impl_->replay(schedule); }
SourceReplay Replayer::replay(FlowSource& source) { return impl_->replay(source); }
PathId Replayer::add_path(std::vector<Hop> hops, Seconds latency) { return impl_->add_path(std::move(hops), latency); }
void Replayer::set_conditions(Conditions* conditions) { impl_->set_conditions(conditions); }
const Network& Replayer::network() const { return impl_->network(); }

}  // namespace rehearse
