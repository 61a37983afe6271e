#include "topologies/bisection.hpp"

#include <algorithm>
#include <numeric>

#include "topologies/cut_bounds.hpp"
#include "topologies/cut_flow.hpp"
#include "topologies/partition.hpp"
#include "topologies/sample.hpp"
#include "topologies/shortest_tree.hpp"

namespace rehearse {
namespace {

constexpr double same = 1e-6;  // bounds that differ by less, relatively, meet: flows are in whole bytes per second
constexpr std::size_t most_vertices_by_chance = 2000;
constexpr std::uint64_t halves_by_chance = 4;

using Lower = std::vector<std::size_t>;  // of each group, how many are in the lower half

class Search {
 public:
  Search(const Topology& topology, const BisectionLimits& limits)
      : topology_(topology),
        limits_(limits),
        whole_(flatten(topology)),
        inner_(flatten_inner(topology)),
        flow_(inner_),
        n_(topology.endpoints.size()) {
    out_.half_injection = BytesPerSecond(mean_injection(topology) * static_cast<double>(n_ / 2));
    out_.at_most = flow_.between(lower_of(order_by_number()));
  }

  Bisection run() {
    out_.at_least = all_to_all_bound(inner_);
    if (!out_.exact()) out_.at_least = std::max(out_.at_least, permutation_bound(inner_, limits_.proof_steps));
    if (!out_.exact()) try_orders();
    if (!out_.exact() && few_halves()) try_all();
    out_.at_least = std::min(out_.at_least, out_.at_most);
    return out_;
  }

 private:
  std::vector<std::uint32_t> order_by_number() const {
    std::vector<std::uint32_t> order(n_);
    std::iota(order.begin(), order.end(), 0U);
    return order;
  }

  // From the first endpoint outwards.
  std::vector<std::uint32_t> order_by_distance() const {
    ShortestTree tree(whole_);
    tree.grow(topology_.endpoints.front());
    std::vector<std::uint32_t> order = order_by_number();
    std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
      return tree.hops(topology_.endpoints[a]) < tree.hops(topology_.endpoints[b]);
    });
    return order;
  }

  Lower lower_of(const std::vector<std::uint32_t>& order) const {
    std::vector<bool> below(n_, false);
    for (std::size_t i = 0; i < n_ / 2; ++i) below[order[i]] = true;
    Lower lower;
    for (const EndpointGroup& group : inner_.groups)
      lower.push_back(static_cast<std::size_t>(
          std::count_if(group.members.begin(), group.members.end(), [&](std::uint32_t e) { return below[e]; })));
    return lower;
  }

  Lower lower_of(const Sides& sides) const {
    Lower lower;
    for (const EndpointGroup& group : inner_.groups)
      lower.push_back(
          static_cast<std::size_t>(std::count_if(group.members.begin(), group.members.end(),
                                                 [&](std::uint32_t e) { return sides[topology_.endpoints[e]] == 0; })));
    return lower;
  }

  void try_halves(const Lower& lower) { out_.at_most = std::min(out_.at_most, flow_.between(lower)); }

  void try_order(const std::vector<std::uint32_t>& order) {
    Sides sides = halve(whole_, topology_.endpoints, order);
    try_halves(lower_of(sides));
    refine(whole_, topology_.endpoints, sides);
    try_halves(lower_of(sides));
  }

  void try_orders() {
    try_order(order_by_number());
    if (!out_.exact()) try_order(fiedler_order(whole_, topology_.endpoints));
    if (!out_.exact()) try_order(order_by_distance());
    if (whole_.vertices() > most_vertices_by_chance) return;
    for (std::uint64_t i = 0; i < halves_by_chance && !out_.exact(); ++i)
      try_order(shuffled(static_cast<std::uint32_t>(n_), mix({limits_.seed, i})));
  }

  // Whether the ways to take a half of all groups' endpoints are few enough to try them all.
  bool few_halves() const {
    std::vector<double> ways(n_ / 2 + 1, 0.0);  // to take so many of the groups so far
    ways[0] = 1;
    for (const EndpointGroup& group : inner_.groups)
      for (std::size_t taken = ways.size(); taken-- > 0;)
        for (std::size_t of_group = 1; of_group <= std::min(group.members.size(), taken); ++of_group)
          ways[taken] += ways[taken - of_group];
    const auto links = static_cast<double>(inner_.arcs.size() + 2 * inner_.groups.size());
    return ways.back() <= limits_.halves && ways.back() * links <= limits_.flow_links;
  }

  void try_all() {
    Lower lower(inner_.groups.size(), 0);
    try_all(lower, 0, n_ / 2, n_);
    out_.at_least = out_.at_most;
    out_.every_half = true;
  }

  // All ways to take `wanted` of the `left` endpoints of the groups from `at` on.
  void try_all(Lower& lower, std::size_t at, std::size_t wanted, std::size_t left) {
    if (at == lower.size()) return try_halves(lower);
    const std::size_t size = inner_.groups[at].members.size(), beyond = left - size;
    for (std::size_t take = wanted > beyond ? wanted - beyond : 0; take <= std::min(size, wanted); ++take) {
      lower[at] = take;
      try_all(lower, at + 1, wanted - take, beyond);
    }
  }

  const Topology& topology_;
  const BisectionLimits limits_;
  const FlatGraph whole_, inner_;
  CutFlow flow_;
  const std::size_t n_;
  Bisection out_;
};

}  // namespace

bool Bisection::exact() const { return every_half || at_least.value() >= at_most.value() * (1 - same); }

Bisection measure_bisection(const Topology& topology, const BisectionLimits& limits) {
  if (topology.endpoints.size() < 2) return {};
  return Search(topology, limits).run();
}

}  // namespace rehearse
