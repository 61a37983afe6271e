#include "workloads/run_conditions.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "engine/base/quantity_text.hpp"

namespace rehearse {

namespace {

/// Throws CutOff where the node of a GPU in use is down.
void check_up(const Epoch& epoch, std::uint32_t node) {
  if (epoch.nodes_down.contains(node))
    throw CutOff(fmt::format("from {} on node{} is down, with a GPU of the job", to_text(epoch.from), node));
}

}  // namespace

bool has_conditions(const Cluster& cluster) { return cluster.live() || cluster.degradation().changes(); }

bool is_undisturbed(const Cluster& cluster, const std::vector<LinkId>& inside) {
  const std::vector<Epoch>& epochs = cluster.degradation().epochs;
  const auto any_down = [](const Epoch& epoch) {
    return std::ranges::any_of(epoch.links, [](const auto& entry) { return entry.second.share == 0; });
  };
  // Flows between nodes may be driven over another GPU's NIC, and to that over any link of the node.
  if (cluster.node_count() > 1 && std::any_of(epochs.begin() + 1, epochs.end(), any_down)) return false;
  return std::ranges::all_of(inside, [&](LinkId link) {
    return std::ranges::all_of(epochs, [&](const Epoch& e) { return e.link(link) == epochs.front().link(link); });
  });
}

bool is_undisturbed(const Cluster& cluster, std::uint32_t from, std::uint32_t to) {
  if (!has_conditions(cluster)) return true;
  const std::vector<Epoch>& epochs = cluster.degradation().epochs;
  const bool links_change =
      std::ranges::any_of(epochs, [&](const Epoch& epoch) { return epoch.links != epochs.front().links; });
  if (cluster.live(from, to)) return false;
  if (!links_change) return true;
  // Between nodes flows that are driven from their way may come over any link.
  if (cluster.node_of(from) != cluster.node_of(to)) return false;
  return is_undisturbed(cluster, cluster.route(from, to));
}

void RunConditions::begin() {
  epoch_ = 0;
  started_.clear();
  dates_.clear();
  const std::vector<Epoch>& epochs = cluster_.degradation().epochs;
  for (std::size_t e = 1; e < epochs.size(); ++e) dates_.push_back(epochs[e].from);
}

std::vector<Conditions::LinkChange> RunConditions::change(std::size_t date) {
  const std::vector<Epoch>& epochs = cluster_.degradation().epochs;
  epoch_ = date + 1;
  std::vector<LinkChange> changes;
  const auto add_changed = [&](const Epoch& of) {
    for (const auto& [link, state] : of.links)
      if (epochs[date].link(link).share != epochs[epoch_].link(link).share)
        changes.push_back({link, cluster_.bandwidth(link, epoch_)});
  };
  add_changed(epochs[date]);
  add_changed(epochs[epoch_]);
  return changes;
}

Seconds RunConditions::latency(const Wire& wire, const std::vector<LinkId>& route, std::size_t epoch) const {
  const std::vector<Epoch>& epochs = cluster_.degradation().epochs;
  Seconds sum;
  for (const LinkId id : route) {
    const Link& link = cluster_.links()[index(id)];
    const Seconds added = epochs.front().link(id).latency;  // of which the link's own has it already
    if (wire.every_latency || link.kind == LinkKind::fabric) sum += link.latency - added;
    sum += epochs[epoch].link(id).latency;
  }
  return sum;
}

Conditions::Way RunConditions::only_way(PathId path, const Wire& wire) const {
  const Epoch& epoch = cluster_.degradation().epochs[epoch_];
  for (const LinkId link : wire.only)
    if (!(epoch.link(link).share > 0))
      throw CutOff(
          fmt::format("{} is down, which a collective in the switch goes by", cluster_.links()[index(link)].name));
  return {path, latency(wire, wire.only, epoch_) - latency(wire, wire.only, 0)};
}

Conditions::Way RunConditions::make_way(PathId path, Known& known, const std::vector<LinkId>& route) {
  const Wire& wire = known.wire;
  if (known.at_start.empty()) known.at_start = cluster_.route(wire.from, wire.to, wire.flow);
  const Seconds extra = latency(wire, route, epoch_) - latency(wire, known.at_start, 0);
  if (route == known.at_start) return {path, extra};
  const auto [found, fresh] = path_of_route_.try_emplace(route);
  if (fresh) {
    std::vector<Hop> hops;
    for (const LinkId link : route) hops.push_back({link, 1});
    found->second = replayer_.add_path(std::move(hops), Seconds(0));
  }
  return {found->second, extra};
}

Conditions::Way RunConditions::way(PathId path, const Load& load) {
  const auto found = wires_.find(path);
  if (found == wires_.end()) return {path, Seconds(0)};
  auto& [wire, at_start, by_epoch, is_known] = found->second;
  try {
    if (!wire.only.empty()) return only_way(path, wire);
    if (cluster_.live(wire.from, wire.to)) {
      const LiveStart start{started_[wire.from]++, load};
      return make_way(path, found->second, cluster_.route(wire.from, wire.to, wire.flow, epoch_, &start));
    }
    by_epoch.resize(cluster_.degradation().epochs.size());
    is_known.resize(by_epoch.size(), false);
    if (!is_known[epoch_])
      by_epoch[epoch_] = make_way(path, found->second, cluster_.route(wire.from, wire.to, wire.flow, epoch_));
    is_known[epoch_] = true;
    return by_epoch[epoch_];
  } catch (const CutOff& cut) {
    const Epoch& epoch = cluster_.degradation().epochs[epoch_];
    for (const std::uint32_t gpu : {wire.from, wire.to}) check_up(epoch, cluster_.node_of(gpu));
    throw CutOff(fmt::format("from {} on {}", to_text(epoch.from), cut.what()));
  }
}

double RunConditions::slowdown(std::uint32_t gpu, std::size_t epoch) const {
  const std::vector<Epoch>& epochs = cluster_.degradation().epochs;
  return epochs[epoch].slowdown_of(gpu) / epochs.front().slowdown_of(gpu);
}

/// Kernels are as long as the slowdown of the moment makes them, beside that of the start, which they have already.
Seconds RunConditions::end_of_compute(Rank rank, Seconds begin, Seconds duration) const {
  const std::vector<Epoch>& epochs = cluster_.degradation().epochs;
  if (gpus_.empty() || epochs.size() < 2) return begin + duration;
  const std::uint32_t gpu = gpus_[index(rank)], node = cluster_.node_of(gpu);
  Seconds left = duration, now = begin;
  for (std::size_t e = 0;; ++e) {
    const bool last = e + 1 == epochs.size();
    if (!last && !(now < epochs[e + 1].from)) continue;
    check_up(epochs[e], node);
    const double factor = slowdown(gpu, e);
    const Seconds end = now + left * factor;
    if (last || !(epochs[e + 1].from < end)) return end;
    left = left - (epochs[e + 1].from - now) / factor;
    now = epochs[e + 1].from;
  }
}

Seconds RunConditions::computed(Rank rank, Seconds begin, Seconds end) const {
  const std::vector<Epoch>& epochs = cluster_.degradation().epochs;
  if (gpus_.empty() || epochs.size() < 2) return end - begin;
  Seconds sum;
  for (std::size_t e = 0; e < epochs.size(); ++e) {
    const Seconds from = std::max(begin, epochs[e].from);
    const Seconds until = e + 1 < epochs.size() ? std::min(end, epochs[e + 1].from) : end;
    if (from < until) sum += (until - from) / slowdown(gpus_[index(rank)], e);
  }
  return sum;
}

}  // namespace rehearse
