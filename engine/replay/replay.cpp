#include "engine/replay.hpp"

#include <algorithm>
#include <functional>
#include <queue>
#include <stdexcept>
#include <vector>

#include "engine/replay/simgrid_world.hpp"

namespace rehearse {

using replay_detail::SimgridWorld;

/// Walks the graph: what is ready starts; what ends frees its successors.
class Replayer::Impl {
 public:
  explicit Impl(Network network)
      : network_(std::move(network)),
        world_(network_, {.on_timer = [this](std::uint32_t op) { timer_ended(op); },
                          .on_flow_end = [this](std::uint32_t op) { end(op, world_.now() - epoch_); },
                          .on_settled = [this] { serve_lanes(); }}) {}

  Timeline replay(const Schedule& schedule);

 private:
  // Ops of one lane that are ready and wait for it: earliest ready first, then lowest id.
  using Waiting = std::pair<double, std::uint32_t>;
  struct LaneState {
    bool busy = false;
    double free_since = 0;
    std::priority_queue<Waiting, std::vector<Waiting>, std::greater<>> waiting;
  };

  void check_ids(const Schedule& schedule) const;
  void start(std::uint32_t op, double now);
  void start_compute(std::uint32_t op, double now);
  void begin_compute(std::uint32_t op, double now);
  void start_flow(std::uint32_t op, double now);
  void timer_ended(std::uint32_t op);
  void enter_network(std::uint32_t op, double now);
  [[nodiscard]] bool takes_no_time(const Op& op) const;
  void end(std::uint32_t op, double now);
  void free_lane(LaneId lane, double now);
  void offer(LaneId lane);
  void serve_lanes();

  Network network_;
  SimgridWorld world_;
  // State of the replay under way. Dates are relative to `epoch_`, the engine's clock when it began.
  const Schedule* schedule_ = nullptr;
  double epoch_ = 0;
  std::vector<std::uint32_t> pending_;
  std::vector<LaneState> lanes_;
  std::vector<LaneId> offered_;  // free lanes with ops that wait, to be served once all that is ready now is known
  std::size_t ended_ = 0;
  Timeline timeline_;
};

Timeline Replayer::Impl::replay(const Schedule& schedule) {
  check_ids(schedule);
  schedule_ = &schedule;
  epoch_ = world_.now();
  ended_ = 0;
  lanes_ = std::vector<LaneState>(schedule.lanes().size());
  timeline_ = {};
  timeline_.begin.resize(schedule.size());
  timeline_.end.resize(schedule.size());
  pending_.resize(schedule.size());
  for (std::uint32_t i = 0; i < schedule.size(); ++i) pending_[i] = schedule.predecessor_count(OpId{i});
  std::vector<std::uint32_t> roots;
  for (std::uint32_t i = 0; i < schedule.size(); ++i)
    if (pending_[i] == 0) roots.push_back(i);
  for (std::uint32_t op : roots) start(op, 0.0);
  world_.run();
  if (ended_ != schedule.size()) throw std::logic_error("the schedule did not run to its end: it has a cycle");
  timeline_.link_bytes = bytes_by_link(schedule, network_);
  for (Seconds s : timeline_.end) timeline_.makespan = std::max(timeline_.makespan, s);
  return std::move(timeline_);
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
}

void Replayer::Impl::start(std::uint32_t op, double now) {
  switch (schedule_->ops()[op].type) {
    case OpType::compute: return start_compute(op, now);
    case OpType::flow: return start_flow(op, now);
    case OpType::join: timeline_.begin[op] = Seconds(now); return end(op, now);
  }
}

void Replayer::Impl::start_compute(std::uint32_t op, double now) {
  const LaneId id = Schedule::lane(schedule_->ops()[op]);
  if (id == no_lane) return begin_compute(op, now);
  LaneState& lane = lanes_[index(id)];
  lane.waiting.push({now, op});
  if (!lane.busy) offer(id);
}

void Replayer::Impl::begin_compute(std::uint32_t op, double now) {
  const Op& compute = schedule_->ops()[op];
  timeline_.begin[op] = Seconds(now);
  timeline_.end[op] = Seconds(now + compute.amount);
  world_.start_timer(epoch_ + now + compute.amount, op);
}

void Replayer::Impl::start_flow(std::uint32_t op, double now) {
  const Op& flow = schedule_->ops()[op];
  timeline_.begin[op] = Seconds(now);
  const double latency = network_.latency(Schedule::path(flow)).value() * flow.rounds;
  timeline_.end[op] = Seconds(now + latency);
  if (latency > 0) return world_.start_timer(epoch_ + now + latency, op);
  enter_network(op, now);
}

/// A compute op ended, or a flow's latency is paid. The op's own sum of times is exact; the engine's clock, which has
/// an epoch added, may be off by a rounding.
void Replayer::Impl::timer_ended(std::uint32_t op) {
  const double now = timeline_.end[op].value();
  if (schedule_->ops()[op].type == OpType::flow) return enter_network(op, now);
  const LaneId lane = Schedule::lane(schedule_->ops()[op]);
  end(op, now);
  if (lane != no_lane) free_lane(lane, now);
}

void Replayer::Impl::enter_network(std::uint32_t op, double now) {
  const Op& flow = schedule_->ops()[op];
  if (flow.amount == 0 || network_.hops(Schedule::path(flow)).empty()) return end(op, now);
  world_.start_flow(Schedule::path(flow), static_cast<std::uint64_t>(flow.amount), op);
}

bool Replayer::Impl::takes_no_time(const Op& op) const {
  if (op.type != OpType::flow) return op.type == OpType::join;
  const PathId path = Schedule::path(op);
  return network_.latency(path) == Seconds() && (op.amount == 0 || network_.hops(path).empty());
}

void Replayer::Impl::end(std::uint32_t op, double now) {
  // What takes no time ends at once and may form long chains: a work list, not recursion.
  std::vector<std::uint32_t> done{op};
  while (!done.empty()) {
    const std::uint32_t current = done.back();
    done.pop_back();
    timeline_.end[current] = Seconds(now);
    ++ended_;
    for (OpId successor : schedule_->successors(OpId{current})) {
      const auto next = static_cast<std::uint32_t>(successor);
      if (--pending_[next] > 0) continue;
      if (takes_no_time(schedule_->ops()[next])) {
        timeline_.begin[next] = Seconds(now);
        done.push_back(next);
      } else {
        start(next, now);
      }
    }
  }
}

void Replayer::Impl::free_lane(LaneId id, double now) {
  LaneState& lane = lanes_[index(id)];
  lane.busy = false;
  lane.free_since = now;
  if (!lane.waiting.empty()) offer(id);
}

void Replayer::Impl::offer(LaneId lane) {
  offered_.push_back(lane);
  world_.ask_settled();
}

void Replayer::Impl::serve_lanes() {
  for (LaneId id : offered_) {
    LaneState& lane = lanes_[index(id)];
    if (lane.busy || lane.waiting.empty()) continue;
    const auto [ready, op] = lane.waiting.top();
    lane.waiting.pop();
    lane.busy = true;
    begin_compute(op, std::max(ready, lane.free_since));
  }
  offered_.clear();
}

Replayer::Replayer(Network network) : impl_(std::make_unique<Impl>(std::move(network))) {}
Replayer::~Replayer() = default;
Timeline Replayer::replay(const Schedule& schedule) { return impl_->replay(schedule); }

}  // namespace rehearse
