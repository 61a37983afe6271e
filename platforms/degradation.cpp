#include "platforms/degradation.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <optional>

#include <fmt/format.h>

#include "engine/base/mixing.hpp"
#include "engine/base/table.hpp"
#include "platforms/cluster.hpp"
#include "topologies/topology.hpp"

namespace rehearse {

namespace {

/// An item of the list.
struct Entry {
  std::set<LinkId> links;
  std::set<std::uint32_t> gpus, nodes;
  LinkState state;
  double slowdown = 1.0;
  Seconds from, until{std::numeric_limits<double>::infinity()};
};

bool matches(const std::string& pattern, const std::string& name) {
  return ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
}

class EntryReader {
 public:
  EntryReader(Reader& at, const Cluster& cluster, Degradation& degradation)
      : at_(at), cluster_(cluster), degradation_(degradation) {}

  Entry read() {
    read_what();
    read_how();
    entry_.from = at_.get<Seconds>("from", Seconds(0));
    if (entry_.from < Seconds(0)) at_.fault("from", "expected zero or more");
    if (at_.has("until")) entry_.until = at_.get<Seconds>("until");
    at_.child("until");
    if (!(entry_.from < entry_.until)) at_.fault("until", "expected a time after `from`");
    return std::move(entry_);
  }

 private:
  static constexpr std::array<const char*, 4> selectors{"link", "switch", "node", "gpu"};

  void read_what() {
    share_ = at_.get<double>("share", 1.0);
    if (!(share_ > 0.0 && share_ <= 1.0)) at_.fault("share", "expected a part of them, above 0 and at most 1");
    seed_ = static_cast<std::uint64_t>(at_.get_at_least("seed", 0, 0));
    if (at_.has("seed") && !at_.has("share") && !at_.has("jitter")) at_.fault("seed", "there is no `share` to draw");
    int given = 0;
    for (const char* selector : selectors) {
      Reader here = at_.child(selector);
      if (!at_.has(selector)) continue;
      if (++given == 1)
        select(selector, here);
      else
        here.mark_read();
    }
    if (given != 1) at_.fault("expected one of link, switch, node and gpu: what is degraded");
  }

  void select(std::string_view selector, Reader& here) {
    selector_ = selector;
    if (selector == "link") return select_links(here);
    if (selector == "switch") return select_switches(here);
    if (selector == "node") {
      entry_.nodes = numbers(here, cluster_.node_count(), "node");
      for (const std::uint32_t node : entry_.nodes) add_node(node);
      return;
    }
    entry_.gpus = numbers(here, cluster_.gpu_count(), "GPU");
  }

  /// Links that match, by cable.
  void select_links(Reader& here) {
    const auto pattern = here.as<std::string>();
    std::vector<std::uint32_t> cables;
    for (std::uint32_t l = 0; l < cluster_.links().size(); ++l)
      if (matches(pattern, cluster_.links()[l].name))
        cables.push_back(static_cast<std::uint32_t>(index(cluster_.directions(LinkId{l}).front())));
    std::ranges::sort(cables);
    cables.erase(std::unique(cables.begin(), cables.end()), cables.end());
    if (cables.empty() && !pattern.empty()) here.fault(no_link(pattern));
    for (const std::uint32_t link : drawn(cables)) add_cable(LinkId{link});
  }

  [[nodiscard]] std::string no_link(const std::string& pattern) const {
    std::vector<std::string> names;
    for (const Link& link : cluster_.links()) names.push_back(link.name);
    const std::string nearest = nearest_name(pattern, names);
    return fmt::format("no link of the cluster matches '{}'{}; there are links such as {} and {}", pattern,
                       nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest), names.front(),
                       names.back());
  }

  void select_switches(Reader& here) {
    const auto pattern = here.as<std::string>();
    std::vector<std::uint32_t> found;
    const Topology* fabric = cluster_.fabric();
    for (std::uint32_t v = 0; fabric != nullptr && v < boost::num_vertices(fabric->graph); ++v)
      if (!fabric->graph[v].is_endpoint && matches(pattern, fabric->graph[v].name)) found.push_back(v);
    if (found.empty() && !pattern.empty()) here.fault(fmt::format("no switch of the fabric matches '{}'", pattern));
    const std::vector<std::uint32_t> chosen = drawn(found);
    const std::set<std::uint32_t> switches(chosen.begin(), chosen.end());
    for (std::uint32_t e = 0; !switches.empty() && e < fabric->edges.size(); ++e)
      for (const auto end :
           {boost::source(fabric->edges[e], fabric->graph), boost::target(fabric->edges[e], fabric->graph)})
        if (switches.contains(static_cast<std::uint32_t>(end))) add_cable(cluster_.fabric_link(e));
  }

  /// All GPUs of the node, and all links with its name: "node3/...".
  void add_node(std::uint32_t node) {
    const std::string inside = fmt::format("node{}/", node), arriving = fmt::format("->node{}/", node);
    for (std::uint32_t l = 0; l < cluster_.links().size(); ++l) {
      const std::string& name = cluster_.links()[l].name;
      if (name.starts_with(inside) || name.find(arriving) != std::string::npos) add_cable(LinkId{l});
    }
    const std::uint32_t first = cluster_.first_gpu(node);
    for (std::uint32_t gpu = first; gpu < first + cluster_.node(node).gpus; ++gpu) entry_.gpus.insert(gpu);
  }

  void add_cable(LinkId link) {
    for (const LinkId direction : cluster_.directions(link)) entry_.links.insert(direction);
  }

  std::set<std::uint32_t> numbers(Reader& here, std::uint32_t count, const char* what) {
    std::vector<std::uint32_t> found;
    if (here.is_scalar() && here.value().text == "*") {
      here.mark_read();
      for (std::uint32_t i = 0; i < count; ++i) found.push_back(i);
    } else {
      std::vector<Reader> items = here.is_sequence() ? here.items() : std::vector<Reader>{here};
      for (Reader& item : items) {
        const auto number = item.as<std::int64_t>();
        if (number < 0 || number >= count)
          item.fault(fmt::format("there is no {} {}: the cluster has {}", what, number, count));
        else
          found.push_back(static_cast<std::uint32_t>(number));
      }
    }
    const std::vector<std::uint32_t> chosen = drawn(found);
    return {chosen.begin(), chosen.end()};
  }

  /// The share of them that is drawn, at least one.
  [[nodiscard]] std::vector<std::uint32_t> drawn(std::vector<std::uint32_t> items) const {
    if (share_ >= 1.0 || items.empty()) return items;
    const auto count = static_cast<std::size_t>(std::max(1.0, std::round(share_ * static_cast<double>(items.size()))));
    std::ranges::stable_sort(items, {}, [this](std::uint32_t item) { return mix({seed_, item}); });
    items.resize(count);
    return items;
  }

  void read_how() {
    const bool links = selector_ != "gpu", kernels = selector_ == "gpu" || selector_ == "node";
    int given = 0;
    const auto has = [&](const char* key, bool fits) {
      at_.child(key);
      if (!at_.has(key)) return false;
      ++given;
      if (!fits && !selector_.empty()) at_.fault(key, fmt::format("a {} has no {}", selector_, key));
      return true;
    };
    if (has("down", links)) entry_.state.share = at_.get<bool>("down") ? 0.0 : 1.0;
    if (has("bandwidth", links)) read_bandwidth();
    if (has("latency", links)) entry_.state.latency = at_.get<Seconds>("latency");
    if (entry_.state.latency < Seconds(0)) at_.fault("latency", "expected zero or more: it is added");
    if (has("slowdown", kernels)) read_slowdown();
    if (has("jitter", kernels)) read_jitter();
    if (given == 0) at_.fault("expected one of down, bandwidth, latency, slowdown and jitter: how it is degraded");
    if (entry_.state.share > 0) entry_.nodes.clear();  // it is up
  }

  void read_bandwidth() {
    const auto share = at_.get<double>("bandwidth");
    if (!(share > 0.0 && share <= 1.0))
      at_.fault("bandwidth", "expected a share of the link's bandwidth, above 0 and at most 1 (or down: true)");
    else
      entry_.state.share *= share;
  }

  void read_slowdown() {
    entry_.slowdown = at_.get<double>("slowdown");
    if (!(entry_.slowdown >= 1.0)) at_.fault("slowdown", "expected at least 1: kernels take so many times as long");
  }

  void read_jitter() {
    const auto deviation = at_.get_positive<double>("jitter");
    for (const char* key : {"from", "until"})
      if (at_.has(key)) at_.fault(key, "jitter is there from the start on");
    for (const std::uint32_t gpu : entry_.gpus) degradation_.jitter[gpu] = {deviation, seed_};
  }

  Reader& at_;
  const Cluster& cluster_;
  Degradation& degradation_;
  Entry entry_;
  std::string selector_;
  double share_ = 1.0;
  std::uint64_t seed_ = 0;
};

void add(const Entry& entry, Epoch& epoch) {
  for (const LinkId link : entry.links) {
    LinkState& state = epoch.links[link];
    state.share *= entry.state.share;
    state.latency += entry.state.latency;
  }
  for (const std::uint32_t gpu : entry.gpus)
    if (entry.slowdown != 1.0) epoch.slowdown.try_emplace(gpu, 1.0).first->second *= entry.slowdown;
  epoch.nodes_down.insert(entry.nodes.begin(), entry.nodes.end());
}

}  // namespace

LinkState Epoch::link(LinkId id) const {
  const auto found = links.find(id);
  return found == links.end() ? LinkState{} : found->second;
}

double Epoch::slowdown_of(std::uint32_t gpu) const {
  const auto found = slowdown.find(gpu);
  return found == slowdown.end() ? 1.0 : found->second;
}

Degradation read_degradation(Reader& list, const Cluster& cluster) {
  Degradation degradation;
  std::vector<Entry> entries;
  for (Reader& item : list.items()) entries.push_back(EntryReader(item, cluster, degradation).read());
  std::set<Seconds> dates{Seconds(0)};
  for (const Entry& entry : entries) {
    dates.insert(entry.from);
    if (std::isfinite(entry.until.value())) dates.insert(entry.until);
  }
  degradation.epochs.clear();
  for (const Seconds from : dates) {
    Epoch& epoch = degradation.epochs.emplace_back();
    epoch.from = from;
    for (const Entry& entry : entries)
      if (entry.from <= from && from < entry.until) add(entry, epoch);
  }
  return degradation;
}

/// A normal number by Box and Muller (1958), from a hash of what it is for.
double Jitter::factor(std::uint32_t gpu, std::uint64_t kernel) const {
  const auto uniform = [&](std::uint64_t which) {
    return (static_cast<double>(mix({seed, gpu, kernel, which}) >> 11) + 0.5) * 0x1p-53;
  };
  const double normal = std::sqrt(-2 * std::log(uniform(0))) * std::cos(2 * std::numbers::pi * uniform(1));
  const double variance = std::log1p(deviation * deviation);
  return std::exp(normal * std::sqrt(variance) - variance / 2);
}

}  // namespace rehearse
