#include "topologies/tree_keys.hpp"

#include <cmath>
#include <limits>

namespace rehearse {
namespace {

constexpr std::int64_t most_levels = 8;
constexpr std::int64_t most_radix = 1 << 20;

// What the keys say of a tree whose radix is still open.
struct Wanted {
  std::vector<double> oversubscription;    // of each level of switches below the top
  std::vector<BytesPerSecond> bandwidths;  // of each level of cables
  std::vector<Seconds> latencies;
  std::uint64_t leaf_ports = 0;  // down; 0: what the radix gives
  [[nodiscard]] std::size_t levels() const { return bandwidths.size(); }
};

std::uint64_t ports_up(std::uint64_t down, double ratio) {
  return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(static_cast<double>(down) * ratio - 1e-9)));
}

// The most ports down, d, with d + ports_up(d) <= radix; 0 where there are none.
std::uint64_t ports_down(std::uint64_t radix, double ratio) {
  std::uint64_t fits = 0, fails = radix;
  while (fails - fits > 1) {
    const std::uint64_t middle = fits + (fails - fits) / 2;
    (middle + ports_up(middle, ratio) <= radix ? fits : fails) = middle;
  }
  return fits;
}

// The tree of switches with `radix` ports; children are empty where the radix is too small for any.
Xgft tree_of_radix(std::uint64_t radix, const Wanted& wanted) {
  Xgft tree;
  BytesPerSecond below = wanted.bandwidths.front();
  tree.parents.push_back(1);
  tree.cables.push_back({cable_class(0), below, wanted.latencies.front()});
  for (std::size_t level = 1; level < wanted.levels(); ++level) {
    const double ratio = below / wanted.bandwidths[level] / wanted.oversubscription[level - 1];
    const bool given = level == 1 && wanted.leaf_ports > 0;
    const std::uint64_t down = given ? wanted.leaf_ports : ports_down(radix, ratio);
    const std::uint64_t up = ports_up(down, ratio);
    if (down == 0 || down + up > radix) return {};
    below *= static_cast<double>(down) / (wanted.oversubscription[level - 1] * static_cast<double>(up));
    tree.children.push_back(down);
    tree.parents.push_back(up);
    tree.cables.push_back({cable_class(level), below, wanted.latencies[level]});
  }
  tree.children.push_back(radix);
  return tree;
}

bool holds(const Xgft& tree, const TreeDemand& demand) {
  return !tree.children.empty() && capacity(tree) >= demand.slots(tree);
}

// The smallest even radix that holds the endpoints; most_radix where even that does not.
std::int64_t smallest_radix(const Wanted& wanted, const TreeDemand& demand) {
  std::int64_t radix = 2;
  while (radix < most_radix && !holds(tree_of_radix(static_cast<std::uint64_t>(radix), wanted), demand)) radix += 2;
  return radix;
}

// The smallest radix that holds the endpoints with 1, 2, 4, 8, ... ports down on a leaf: leaves then hold whole nodes,
// as people cable them. One level of switches has no leaves to align, and leaves may be given.
std::int64_t aligned_radix(const Wanted& wanted, const TreeDemand& demand) {
  if (wanted.levels() == 1 || wanted.leaf_ports > 0) return smallest_radix(wanted, demand);
  const double ratio = wanted.bandwidths[0] / wanted.bandwidths[1] / wanted.oversubscription[0];
  for (std::uint64_t down = 1;; down *= 2) {
    const auto radix = static_cast<std::int64_t>(down + ports_up(down, ratio));
    if (radix >= most_radix) return smallest_radix(wanted, demand);
    if (holds(tree_of_radix(static_cast<std::uint64_t>(radix), wanted), demand)) return radix;
  }
}

std::vector<double> read_oversubscription(Reader& params, std::size_t levels) {
  std::vector<double> ratios(levels - 1, 1.0);
  Reader at = params.child("oversubscription");
  if (!params.has("oversubscription")) return ratios;
  std::vector<Reader> items = items_or_self(at);
  if (at.is_sequence() && items.size() != ratios.size())
    at.fault("expected a number, or a list of " + std::to_string(ratios.size()) +
             ", one for each level of switches below the top; found " + std::to_string(items.size()));
  for (std::size_t i = 0; i < items.size(); ++i) {
    const auto ratio = items[i].as<double>();
    if (ratio >= 1.0 && i < ratios.size()) ratios[i] = ratio;
    if (ratio < 1.0 && is_written(items[i], ratio))
      items[i].fault("expected at least 1 (1: non-blocking, 2: half the capacity up), found " + items[i].value().text);
    if (ratio > 1.0 && levels == 1 && !at.is_sequence()) at.fault("one level has no links up to oversubscribe");
  }
  return ratios;
}

void too_small(Reader& params, const Wanted& wanted, const TreeDemand& demand, std::int64_t radix,
               std::uint32_t endpoints) {
  const std::int64_t smallest = smallest_radix(wanted, demand);
  const Xgft tree = tree_of_radix(static_cast<std::uint64_t>(radix), wanted);
  params.fault("radix",
               "switches of " + std::to_string(radix) + " ports hold at most " + std::to_string(capacity(tree)) +
                   " endpoints in " + std::to_string(wanted.levels()) + " levels, but " + std::to_string(endpoints) +
                   " are to be attached" +
                   (radix < smallest ? "; the smallest even radix that fits is " + std::to_string(smallest) : ""));
}

}  // namespace

Xgft read_tree(Reader& params, const TopologyRequest& request, const TreeDemand& demand) {
  const std::int64_t levels = params.get_at_least("levels", 1, demand.levels);
  if (levels > most_levels) {
    params.fault("levels", "expected at most " + std::to_string(most_levels) + ", found " + std::to_string(levels));
    for (const std::string_view key : {"radix", "oversubscription", "bandwidth", "latency"})
      params.child(key).mark_read();
    return {};
  }
  const auto count = static_cast<std::size_t>(levels);
  const Wanted wanted{read_oversubscription(params, count),
                      read_bandwidths(params, count, "levels of cables", request.port_bandwidth),
                      read_latencies(params, count, "levels of cables", request.port_latency), demand.leaf_ports};
  const std::int64_t radix = params.get_at_least("radix", 2, 0);  // 0: choose
  if (radix > most_radix) {
    params.fault("radix", "expected at most " + std::to_string(most_radix) + ", found " + std::to_string(radix));
    return {};
  }
  const std::int64_t chosen = radix > 0 ? radix : aligned_radix(wanted, demand);
  Xgft tree = tree_of_radix(static_cast<std::uint64_t>(chosen), wanted);
  if (holds(tree, demand)) return tree;
  too_small(params, wanted, demand, chosen, request.endpoints);
  return {};
}

std::string cable_class(std::size_t level) {
  if (level == 0) return "port";
  std::string below = switch_name(level), above = switch_name(level + 1);
  for (std::string* name : {&below, &above})
    if (name->back() == '_') name->pop_back();
  return below + "-" + above;
}

std::uint64_t capacity(const Xgft& tree) {
  if (tree.children.empty()) return 0;
  std::uint64_t product = 1;
  for (const std::uint64_t children : tree.children)
    product = std::min<std::uint64_t>(product * children, std::numeric_limits<std::uint32_t>::max());
  return product;
}

double cable_count(const Xgft& tree, std::uint64_t endpoints) {
  double count = 0, roots = 1;
  for (std::size_t i = 0; i < tree.height(); ++i) {
    roots *= static_cast<double>(tree.parents[i]);
    count += static_cast<double>(tree.trees(i, endpoints)) * roots;
  }
  return count;
}

}  // namespace rehearse
