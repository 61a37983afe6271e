// fat_tree: levels of switches above the endpoints, by levels and radix or k-ary.
//
//   topology: fat_tree
//   levels: 2                of switches; default 2
//   radix: 40                ports of a switch; default: the smallest that fits with 2^i ports down on a leaf
//   oversubscription: 2      capacity down over capacity up of a switch, at least 1 (1: non-blocking, the default); a
//                            number is the leaves', a list has one for each level below the top, from the leaves up
//   arity: 8                 instead of the three above: the k-ary tree of Al-Fares et al., SIGCOMM 2008 (three levels,
//                            k ports, k pods, at most k^3/4 endpoints, non-blocking)
//   bandwidth: 200 Gb/s      of a cable, one direction, or a list with one for each level of cables from the endpoints'
//                            ports up; default: the endpoint's port
//   latency: 500 ns          likewise
//
// Construction: an extended generalized fat tree (xgft.hpp), filled from the left. A switch below the top has d ports
// down and u = ceil(d b / (o B)) up, where b and B are the bandwidths of the cables below and above it and o is its
// oversubscription; d is the largest with d + u <= radix. The bandwidth of a cable above is then lowered from B to
// d b / (o u), so that the ratio of capacities is exactly o also where the ports do not divide. (A k-ary tree has k/2
// and k/2, and cables of the bandwidth as given.) Switches that are filled in part have the cables up of a full one,
// subtrees without endpoints are left out. Classes of links: "port", "leaf-spine", "spine-core", "core-tier4", ...
//
// d_mod_k, the routing where none is named: Zahavi, "D-Mod-K routing providing non-blocking traffic for shift
// permutations on real life fat trees", 2010: up-port floor(destination / W_i) mod w_(i+1), so all flows to a
// destination meet at one root. ecmp: a seeded hash of (source, destination, flow) instead of the destination.
#include <cmath>
#include <limits>

#include "topologies/parameters.hpp"
#include "topologies/xgft.hpp"

namespace rehearse {
namespace {

constexpr std::int64_t most_levels = 8;
constexpr std::uint64_t most_cables = 1u << 23;
constexpr std::int64_t most_radix = 1 << 20;
constexpr std::int64_t most_arity = 1024;

// What the keys say of a tree whose radix is still open.
struct Wanted {
  std::vector<double> oversubscription;    // of each level of switches below the top
  std::vector<BytesPerSecond> bandwidths;  // of each level of cables
  std::vector<Seconds> latencies;
  [[nodiscard]] std::size_t levels() const { return bandwidths.size(); }
};

std::string cable_class(std::size_t level) {
  if (level == 0) return "port";
  std::string below = switch_name(level), above = switch_name(level + 1);
  for (std::string* name : {&below, &above})
    if (name->back() == '_') name->pop_back();
  return below + "-" + above;
}

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
    const std::uint64_t down = ports_down(radix, ratio);
    if (down == 0) return {};
    const std::uint64_t up = ports_up(down, ratio);
    below *= static_cast<double>(down) / (wanted.oversubscription[level - 1] * static_cast<double>(up));
    tree.children.push_back(down);
    tree.parents.push_back(up);
    tree.cables.push_back({cable_class(level), below, wanted.latencies[level]});
  }
  tree.children.push_back(radix);
  return tree;
}

Xgft tree_of_arity(std::uint64_t arity, const Wanted& wanted) {
  const std::uint64_t half = arity / 2;
  Xgft tree{{half, half, arity}, {1, half, half}, {}};
  for (std::size_t level = 0; level < 3; ++level)
    tree.cables.push_back({cable_class(level), wanted.bandwidths[level], wanted.latencies[level]});
  return tree;
}

// Endpoints that the tree holds when full; saturates.
std::uint64_t capacity(const Xgft& tree) {
  if (tree.children.empty()) return 0;
  std::uint64_t product = 1;
  for (const std::uint64_t children : tree.children)
    product = std::min<std::uint64_t>(product * children, std::numeric_limits<std::uint32_t>::max());
  return product;
}

double cable_count(const Xgft& tree, std::uint32_t endpoints) {
  double count = 0, roots = 1;
  for (std::size_t i = 0; i < tree.height(); ++i) {
    roots *= static_cast<double>(tree.parents[i]);
    count += static_cast<double>(tree.trees(i, endpoints)) * roots;
  }
  return count;
}

// The smallest even radix that holds the endpoints; most_radix where even that does not.
std::int64_t smallest_radix(const Wanted& wanted, std::uint32_t endpoints) {
  std::int64_t radix = 2;
  while (radix < most_radix && capacity(tree_of_radix(static_cast<std::uint64_t>(radix), wanted)) < endpoints)
    radix += 2;
  return radix;
}

// The smallest radix that holds the endpoints with 1, 2, 4, 8, ... ports down on a leaf: leaves then hold whole nodes,
// as people cable them. One level of switches has no leaves to align.
std::int64_t aligned_radix(const Wanted& wanted, std::uint32_t endpoints) {
  if (wanted.levels() == 1) return smallest_radix(wanted, endpoints);
  const double ratio = wanted.bandwidths[0] / wanted.bandwidths[1] / wanted.oversubscription[0];
  for (std::uint64_t down = 1;; down *= 2) {
    const std::uint64_t radix = down + ports_up(down, ratio);
    if (radix >= static_cast<std::uint64_t>(most_radix)) return smallest_radix(wanted, endpoints);
    if (capacity(tree_of_radix(radix, wanted)) >= endpoints) return static_cast<std::int64_t>(radix);
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

Xgft read_arity(Reader& params, const TopologyRequest& request) {
  const std::int64_t arity = params.get_at_least("arity", 2, 0);  // 0: after a fault
  for (const std::string_view key : {"levels", "radix", "oversubscription"}) {
    params.child(key).mark_read();
    if (params.has(key))
      params.fault(key, "`arity` stands for three levels without oversubscription; leave out one or the other");
  }
  const Wanted wanted{{},
                      read_bandwidths(params, 3, "levels of cables", request.port_bandwidth),
                      read_latencies(params, 3, "levels of cables", request.port_latency)};
  if (arity % 2 != 0 || arity > most_arity) {
    params.fault("arity",
                 "expected an even number up to " + std::to_string(most_arity) + ", found " + std::to_string(arity));
    return {};
  }
  if (arity == 0) return {};
  Xgft tree = tree_of_arity(static_cast<std::uint64_t>(arity), wanted);
  if (capacity(tree) >= request.endpoints) return tree;
  params.fault("arity", "a " + std::to_string(arity) + "-ary fat tree holds at most " + std::to_string(capacity(tree)) +
                            " endpoints, but " + std::to_string(request.endpoints) + " are to be attached");
  return {};
}

Xgft read_levels(Reader& params, const TopologyRequest& request) {
  params.child("arity");  // a known key
  const std::int64_t levels = params.get_at_least("levels", 1, 2);
  if (levels > most_levels) {
    params.fault("levels", "expected at most " + std::to_string(most_levels) + ", found " + std::to_string(levels));
    for (const std::string_view key : {"radix", "oversubscription", "bandwidth", "latency"})
      params.child(key).mark_read();
    return {};
  }
  const auto count = static_cast<std::size_t>(levels);
  const Wanted wanted{read_oversubscription(params, count),
                      read_bandwidths(params, count, "levels of cables", request.port_bandwidth),
                      read_latencies(params, count, "levels of cables", request.port_latency)};
  const std::int64_t radix = params.get_at_least("radix", 2, 0);  // 0: choose
  if (radix > most_radix) {
    params.fault("radix", "expected at most " + std::to_string(most_radix) + ", found " + std::to_string(radix));
    return {};
  }
  const std::int64_t smallest = smallest_radix(wanted, request.endpoints);
  const std::int64_t chosen = radix > 0 ? radix : aligned_radix(wanted, request.endpoints);
  Xgft tree = tree_of_radix(static_cast<std::uint64_t>(chosen), wanted);
  if (capacity(tree) >= request.endpoints) return tree;
  params.fault("radix",
               "switches of " + std::to_string(chosen) + " ports hold at most " + std::to_string(capacity(tree)) +
                   " endpoints in " + std::to_string(levels) + " levels, but " + std::to_string(request.endpoints) +
                   " are to be attached" +
                   (chosen < smallest ? "; the smallest even radix that fits is " + std::to_string(smallest) : ""));
  return {};
}

}  // namespace

Topology build_fat_tree(const TopologyRequest& request, Reader& params) {
  const Xgft tree = params.has("arity") ? read_arity(params, request) : read_levels(params, request);
  if (tree.children.empty()) return {};
  if (const double cables = cable_count(tree, request.endpoints); cables > static_cast<double>(most_cables)) {
    params.fault("the tree would have over " + std::to_string(most_cables) +
                 " cables; choose fewer levels or a smaller radix");
    return {};
  }
  return build_xgft(tree, request.endpoints);
}

}  // namespace rehearse
