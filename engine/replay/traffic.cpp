#include "engine/replay/traffic.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <utility>

namespace rehearse::replay_detail {

Traffic::Traffic(const Network& network, SimgridWorld& world, Events events)
    : network_(network), world_(world), events_(std::move(events)), load_of_([this](LinkId link) {
        check_link(link);
        return load_[index(link)];
      }) {}

void Traffic::begin(Conditions* conditions) {
  for (LinkId link : changed_) world_.set_bandwidth(link, network_.link(link).bandwidth);
  changed_.clear();
  world_.let_links_change(conditions != nullptr);
  conditions_ = conditions;
  epoch_ = world_.now();
  date_ = 0;
  started_ = 0;
  flows_.clear();
  moved_.clear();
  const std::size_t links = conditions_ ? network_.links().size() : 0;
  load_.assign(links, 0);
  down_.assign(links, false);
  if (conditions_) conditions_->begin();
  start_next_date();
}

void Traffic::start_next_date() {
  const bool any = conditions_ && date_ < conditions_->dates().size();
  world_.start_date(any ? epoch_ + conditions_->dates()[date_].value() : std::numeric_limits<double>::infinity());
}

void Traffic::check_link(LinkId link) const {
  if (index(link) >= network_.links().size()) throw std::logic_error("conditions name a link that the network lacks");
}

double Traffic::start_on_way(const Start& start) {
  if (network_.hops(start.path).empty()) return start.latency;
  Flow& flow = flows_[start.token];
  flow = {.start = start, .way = start.path, .left = start.bytes, .order = started_++};
  ask(flow);
  return flow.latency;
}

/// The way that a flow goes on, which counts for no load yet. Gives back how much its latency grows.
double Traffic::ask(Flow& flow) {
  const Conditions::Way way = conditions_->way(flow.start.path, load_of_);
  if (index(way.path) >= network_.path_count()) throw std::logic_error("conditions give a way that is not there");
  if (is_cut(way.path)) throw std::logic_error("conditions give a way over a link that is down");
  move_bytes(flow.way, way.path, flow.left);
  flow.way = way.path;
  add_load(flow);
  const double latency = std::max(0.0, flow.start.latency + way.extra.value() * std::max(flow.start.times, 1U));
  const double more = latency - flow.latency;
  flow.latency = std::max(flow.latency, latency);
  return more;
}

bool Traffic::enter(std::uint32_t token, PathId path, double bytes) {
  const auto found = flows_.find(token);
  if (found != flows_.end()) {
    Flow& flow = found->second;
    if (!is_cut(flow.way)) return carry(flow);
    take_load(flow);
    return go_another_way(flow);
  }
  if (bytes == 0 || network_.hops(path).empty()) return false;
  world_.start_flow(path, bytes, token);
  return true;
}

bool Traffic::go_another_way(Flow& flow) {
  const double more = ask(flow);
  if (more > 0 && events_.on_longer(flow.start.token, more)) return true;
  return carry(flow);
}

bool Traffic::carry(Flow& flow) {
  if (flow.left > 0 && !network_.hops(flow.way).empty()) {
    flow.live = world_.start_flow(flow.way, flow.left, flow.start.token);
    return true;
  }
  forget(flow.start.token);
  return false;
}

void Traffic::forget(std::uint32_t token) {
  const auto found = flows_.find(token);
  take_load(found->second);
  flows_.erase(found);
}

void Traffic::change_links() {
  for (const auto& [link, bandwidth] : conditions_->change(date_++)) {
    check_link(link);
    down_[index(link)] = bandwidth == BytesPerSecond();
    if (down_[index(link)]) continue;  // whoever is on it is taken off it: its bandwidth is nobody's
    world_.set_bandwidth(link, bandwidth);
    changed_.push_back(link);
  }
  const std::vector<Flow*> cut = cut_flows();
  for (Flow* flow : cut) {
    flow->left = SimgridWorld::left(*flow->live);
    world_.take_off(std::exchange(flow->live, nullptr));
    take_load(*flow);
  }
  for (Flow* flow : cut) {
    const std::uint32_t token = flow->start.token;
    if (!go_another_way(*flow)) events_.on_flow_end(token);
  }
  start_next_date();
}

/// Those in the network whose way is cut, in the order in which they started.
std::vector<Traffic::Flow*> Traffic::cut_flows() {
  std::vector<Flow*> cut;
  for (auto& [token, flow] : flows_)
    if (flow.live != nullptr && is_cut(flow.way) && !as_good_as_left(flow)) cut.push_back(&flow);
  std::ranges::sort(cut, {}, &Flow::order);
  return cut;
}

bool Traffic::is_cut(PathId way) const {
  return std::ranges::any_of(network_.hops(way), [this](const Hop& hop) { return down_[index(hop.link)]; });
}

/// It ends at this very time, but for the rounding of the clock.
bool Traffic::as_good_as_left(const Flow& flow) const {
  const double rounding = 4 * std::numeric_limits<double>::epsilon() * world_.now();
  return SimgridWorld::left(*flow.live) <= network_.bottleneck(flow.way).value() * rounding;
}

void Traffic::add_load(const Flow& flow) {
  for (const Hop& hop : network_.hops(flow.way)) load_[index(hop.link)] += hop.times;
}

void Traffic::take_load(const Flow& flow) {
  for (const Hop& hop : network_.hops(flow.way)) load_[index(hop.link)] -= hop.times;
}

void Traffic::move_bytes(PathId from, PathId to, double bytes) {
  moved_.resize(network_.path_count(), 0.0);
  moved_[index(from)] -= bytes;
  moved_[index(to)] += bytes;
}

std::vector<double> Traffic::as_taken(std::vector<double> bytes) const {
  bytes.resize(std::max(bytes.size(), moved_.size()), 0.0);
  for (std::size_t p = 0; p < moved_.size(); ++p) bytes[p] += moved_[p];
  return bytes;
}

}  // namespace rehearse::replay_detail
