#include "engine/replay/simgrid_world.hpp"

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <queue>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <xbt/log.h>
#include <simgrid/kernel/resource/Model.hpp>
#include <simgrid/kernel/routing/NetPoint.hpp>
#include <simgrid/kernel/routing/NetZoneImpl.hpp>
#include <simgrid/s4u.hpp>

namespace rehearse::replay_detail {

namespace s4u = simgrid::s4u;
namespace routing = simgrid::kernel::routing;
using SimgridAction = simgrid::kernel::resource::Action;
using SimgridLink = simgrid::kernel::resource::StandardLinkImpl;

namespace {

constexpr double never = std::numeric_limits<double>::infinity();

/// Timers as a SimGrid model: a min-heap of dates; ties go to the lower token, so that runs repeat exactly.
class TimerModel : public simgrid::kernel::resource::Model {
 public:
  struct Events {
    std::function<void(std::uint32_t)> on_timer;
    std::function<void()> on_settled, on_date, on_step;
    std::function<bool()> flows_under_way;
  };
  explicit TimerModel(Events events) : Model("rehearse timers"), events_(std::move(events)) {}

  void push(double date, std::uint32_t token) { heap_.push({date, token}); }
  void stop(double date, std::uint32_t token) {
    stopped_.push({date, token});
    drop_stopped();
  }
  void ask_settled() { settled_asked_ = true; }
  void start_date(double date) { date_ = date; }

  double next_occurring_event(double now) override {
    if (settled_asked_) return 0.0;
    double next = heap_.empty() ? never : heap_.top().date;
    if (date_ < next && (!heap_.empty() || events_.flows_under_way())) next = date_;
    return next == never ? -1.0 : std::max(0.0, next - now);
  }

  void update_actions_state(double now, double /*delta*/) override {
    events_.on_step();
    while (date_ <= now) {
      date_ = never;
      events_.on_date();
    }
    do {
      while (!heap_.empty() && heap_.top().date <= now) {
        const Timer timer = heap_.top();
        heap_.pop();
        drop_stopped();
        events_.on_timer(timer.token);
      }
    } while (settle());
  }

 private:
  bool settle() {
    if (!settled_asked_) return false;
    settled_asked_ = false;
    events_.on_settled();
    return true;
  }

  struct Timer {
    double date;
    std::uint32_t token;
    bool operator>(const Timer& o) const { return date != o.date ? date > o.date : token > o.token; }
    bool operator==(const Timer&) const = default;
  };
  using Heap = std::priority_queue<Timer, std::vector<Timer>, std::greater<>>;

  void drop_stopped() {
    while (!stopped_.empty() && stopped_.top() == heap_.top()) {
      stopped_.pop();
      heap_.pop();
    }
  }

  Heap heap_;     // its top has not been stopped
  Heap stopped_;  // of the other
  Events events_;
  double date_ = never;
  bool settled_asked_ = false;
};

/// SimGrid asks for the route once for each flow it starts; the flow being started is known, and so is its path.
class GivenRouteZone : public routing::NetZoneImpl {
 public:
  explicit GivenRouteZone(const std::string& name) : NetZoneImpl(name) {}
  void give(const std::vector<SimgridLink*>& links) { links_ = &links; }
  void get_local_route(const routing::NetPoint* /*src*/, const routing::NetPoint* /*dst*/, routing::Route* into,
                       double* /*latency*/) override {
    into->link_list_ = *links_;
  }

 private:
  const std::vector<SimgridLink*>* links_ = nullptr;
};

/// What SimGrid works off for a flow that it has just been given: the last that its network model has started.
SimgridAction& just_started(const s4u::Engine& engine, const s4u::Comm& comm) {
  for (auto* model : engine.get_all_models()) {
    auto& actions = *model->get_started_action_set();
    if (!actions.empty() && actions.back().get_activity() == comm.get_impl()) return actions.back();
  }
  throw std::logic_error("SimGrid has not started a flow");
}

std::unique_ptr<s4u::Engine> make_engine() {
  static bool made = false;  // SimGrid's own has_instance() forgets an engine that is gone; its configuration does not
  if (std::exchange(made, true) || s4u::Engine::has_instance())
    throw std::logic_error("SimGrid runs once in a process");
  xbt_log_control_set("root.thres:critical");
  int argc = 1;
  std::string name = "rehearse";
  char* argv[] = {name.data(), nullptr};
  auto engine = std::make_unique<s4u::Engine>(&argc, argv);
  s4u::Engine::set_config("network/model:CM02");
  s4u::Engine::set_config("network/crosstraffic:0");
  s4u::Engine::set_config("network/TCP-gamma:0");
  // The defaults (1e-5 of a link's bandwidth, 1e-9 s) are coarser than the 1e-9 that folding is held to.
  s4u::Engine::set_config("maxmin/precision:1e-12");
  s4u::Engine::set_config("surf/precision:1e-12");
  return engine;
}

}  // namespace

/// Its activity points back here.
struct SimgridWorld::LiveFlow {
  s4u::CommPtr comm;
  std::uint32_t token = 0;
};

struct SimgridWorld::Impl {
  std::unique_ptr<s4u::Engine> engine = make_engine();
  std::shared_ptr<TimerModel> timers;
  GivenRouteZone* zone = nullptr;  // owned by SimGrid
  s4u::Host* from = nullptr;
  s4u::Host* to = nullptr;
  std::vector<s4u::Link*> links;
  std::vector<std::vector<SimgridLink*>> paths;
  std::deque<LiveFlow> flows;  // stay where they are; used again
  std::vector<LiveFlow*> free;
  std::vector<s4u::CommPtr> ended;  // let go at the next step: SimGrid still uses them while it says that they ended
  std::function<void(std::uint32_t)> on_flow_end;
  bool links_change = false;

  void build(const Network& network);
  void add_path(std::span<const Hop> hops);
  void end_flow(const s4u::Activity& activity);
};

void SimgridWorld::Impl::build(const Network& network) {
  zone = new GivenRouteZone("network");
  s4u::NetZone* facade = zone->get_iface();
  from = facade->create_host("from", 1.0);
  to = facade->create_host("to", 1.0);
  for (const Link& link : network.links())
    links.push_back(
        facade->create_link(std::to_string(links.size()), link.bandwidth.value())->set_latency(0.0)->seal());
  zone->seal();
  for (std::uint32_t p = 0; p < network.path_count(); ++p) add_path(network.hops(PathId{p}));
}

void SimgridWorld::Impl::add_path(std::span<const Hop> hops) {
  auto& path = paths.emplace_back();
  for (const Hop& hop : hops) path.insert(path.end(), hop.times, links[index(hop.link)]->get_impl());
}

void SimgridWorld::Impl::end_flow(const s4u::Activity& activity) {
  auto* flow = activity.get_data<LiveFlow>();
  if (flow == nullptr) return;  // taken off
  ended.push_back(std::move(flow->comm));
  free.push_back(flow);
  on_flow_end(flow->token);
}

SimgridWorld::SimgridWorld(const Network& network, Events events) : impl_(std::make_unique<Impl>()) {
  impl_->on_flow_end = std::move(events.on_flow_end);
  impl_->timers = std::make_shared<TimerModel>(
      TimerModel::Events{.on_timer = std::move(events.on_timer),
                         .on_settled = std::move(events.on_settled),
                         .on_date = std::move(events.on_date),
                         .on_step = [impl = impl_.get()] { impl->ended.clear(); },
                         .flows_under_way = [impl = impl_.get()] { return impl->free.size() < impl->flows.size(); }});
  impl_->build(network);
  impl_->engine->add_model(impl_->timers);
  // Inherited from Activity in SimGrid 3.32, Comm's own in later ones: the parameter is either's.
  s4u::Comm::on_completion_cb([impl = impl_.get()](const auto& comm) { impl->end_flow(comm); });
}

SimgridWorld::~SimgridWorld() {
  // After an exception flows are still under way. SimGrid writes a backtrace for each that is let go as if it ran.
  for (const LiveFlow& flow : impl_->flows)
    if (flow.comm) flow.comm->set_state(s4u::Activity::State::CANCELED);
}

double SimgridWorld::now() const { return s4u::Engine::get_clock(); }

void SimgridWorld::start_timer(double date, std::uint32_t token) { impl_->timers->push(date, token); }

void SimgridWorld::stop_timer(double date, std::uint32_t token) { impl_->timers->stop(date, token); }

void SimgridWorld::ask_settled() { impl_->timers->ask_settled(); }

SimgridWorld::LiveFlow* SimgridWorld::start_flow(PathId path, double bytes, std::uint32_t token) {
  Impl& self = *impl_;
  if (self.free.empty()) self.free.push_back(&self.flows.emplace_back());
  LiveFlow* flow = self.free.back();
  self.free.pop_back();
  self.zone->give(self.paths[index(path)]);
  flow->token = token;
  const auto whole = static_cast<std::uint64_t>(std::ceil(bytes));
  flow->comm = s4u::Comm::sendto_init(self.from, self.to)->set_payload_size(whole);
  flow->comm->set_data(flow);
  flow->comm->start();
  if (self.links_change) {
    SimgridAction& action = just_started(*self.engine, *flow->comm);
    action.set_bound(-1.0);
    action.set_remains(bytes);
  }
  return flow;
}

double SimgridWorld::left(const LiveFlow& flow) { return flow.comm->get_remaining(); }

void SimgridWorld::take_off(LiveFlow* flow) {
  flow->comm->set_data(nullptr);
  flow->comm->cancel();
  impl_->ended.push_back(std::move(flow->comm));
  impl_->free.push_back(flow);
}

void SimgridWorld::let_links_change(bool change) { impl_->links_change = change; }

void SimgridWorld::set_bandwidth(LinkId link, BytesPerSecond bandwidth) {
  impl_->links[index(link)]->set_bandwidth(bandwidth.value());
}

void SimgridWorld::start_date(double date) { impl_->timers->start_date(date); }

void SimgridWorld::add_path(std::span<const Hop> hops) { impl_->add_path(hops); }

void SimgridWorld::run() {
  impl_->engine->run();
  impl_->ended.clear();
}

}  // namespace rehearse::replay_detail
