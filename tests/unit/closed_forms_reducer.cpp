// Every collective against a reference reducer: the transfers of a pattern, carried out on real numbers.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <numeric>
#include <random>

#include "workloads/collectives/collective.hpp"

namespace rehearse {
namespace {

using Orders = std::vector<std::vector<std::uint32_t>>;
using Buffers = std::vector<std::vector<double>>;  // of each position, the full vector

constexpr std::int64_t sizes[] = {0, 1, 7, 16, 17 * 3 + 1, 1000};
constexpr CollectiveOp ops[] = {CollectiveOp::all_reduce, CollectiveOp::all_gather, CollectiveOp::reduce_scatter};
constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

// Whole numbers, so that sums are exact in any order; different for every position and element.
double value(std::uint32_t position, std::int64_t element) {
  return static_cast<double>((position + 1) * 1009 + element * element % 7919);
}

double sum(std::uint32_t ranks, std::int64_t element) {
  double total = 0;
  for (std::uint32_t p = 0; p < ranks; ++p) total += value(p, element);
  return total;
}

// Which position owns each element of rank-sharded data: as collective.hpp has it.
std::vector<std::uint32_t> owners(std::uint32_t ranks, std::int64_t elements, std::int64_t channels) {
  std::vector<std::uint32_t> owner(static_cast<std::size_t>(elements), 0);
  for (std::int64_t c = 0; c < channels; ++c) {
    const std::int64_t first = elements * c / channels, share = elements * (c + 1) / channels - first;
    for (std::uint32_t p = 0; p < ranks; ++p)
      std::fill(owner.begin() + first + share * p / ranks, owner.begin() + first + share * (p + 1) / ranks, p);
  }
  return owner;
}

Buffers before(CollectiveOp op, std::uint32_t ranks, const std::vector<std::uint32_t>& owner) {
  Buffers data(ranks, std::vector<double>(owner.size()));
  for (std::uint32_t p = 0; p < ranks; ++p)
    for (std::size_t e = 0; e < owner.size(); ++e)
      data[p][e] = op == CollectiveOp::all_gather && owner[e] != p ? unknown : value(p, static_cast<std::int64_t>(e));
  return data;
}

// Elements that are not what they should be.
std::size_t wrong_after(CollectiveOp op, const Buffers& data, const std::vector<std::uint32_t>& owner) {
  const auto ranks = static_cast<std::uint32_t>(data.size());
  std::size_t wrong = 0;
  for (std::uint32_t p = 0; p < ranks; ++p)
    for (std::size_t e = 0; e < owner.size(); ++e) {
      if (op == CollectiveOp::reduce_scatter && owner[e] != p) continue;
      const auto element = static_cast<std::int64_t>(e);
      const double expected = op == CollectiveOp::all_gather ? value(owner[e], element) : sum(ranks, element);
      if (data[p][e] != expected) ++wrong;
    }
  return wrong;
}

void carry_out(const Transfer& t, Buffers& data) {
  for (std::int64_t i = t.first; i < t.first + t.count; ++i) {
    const auto e = static_cast<std::size_t>(i);
    const double moved = data[t.source][e];
    data[t.destination][e] = t.reduce ? data[t.destination][e] + moved : moved;
  }
}

// The transfers in an order that respects their dependencies: as they stand, or any at random.
std::vector<std::size_t> an_order(const Pattern& pattern, std::mt19937* random) {
  const std::size_t n = pattern.transfers().size();
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  if (random == nullptr) return order;
  std::vector<std::size_t> waits(n), ready;
  std::vector<std::vector<std::size_t>> successors(n);
  for (std::size_t t = 0; t < n; ++t) {
    waits[t] = pattern.after(t).size();
    for (const std::uint32_t b : pattern.after(t)) successors[b].push_back(t);
    if (waits[t] == 0) ready.push_back(t);
  }
  order.clear();
  while (!ready.empty()) {
    std::swap(ready[(*random)() % ready.size()], ready.back());
    const std::size_t t = ready.back();
    ready.pop_back();
    order.push_back(t);
    for (const std::size_t s : successors[t])
      if (--waits[s] == 0) ready.push_back(s);
  }
  return order;
}

// One channel as it is by default; two and four that begin at other positions, some of them backwards.
std::vector<Orders> channel_choices(std::uint32_t ranks) {
  std::vector<Orders> choices{{}};
  for (const std::uint32_t count : {2u, 4u}) {
    Orders orders(count);
    for (std::uint32_t c = 0; c < count; ++c) {
      for (std::uint32_t i = 0; i < ranks; ++i) orders[c].push_back((i + c) % ranks);
      if (c % 3 == 1) std::ranges::reverse(orders[c]);
    }
    choices.push_back(orders);
  }
  return choices;
}

struct Case {
  CollectiveOp op;
  const CollectiveRow& row;
  std::uint32_t ranks;
  std::int64_t elements;
  const Orders& channels;
  [[nodiscard]] Pattern pattern(bool fluid = false) const {
    return row.build(ranks, elements, {.channels = channels, .fluid = fluid});
  }
};

template <class F>
void for_all_cases(F f) {
  for (const CollectiveOp op : ops)
    for (const CollectiveRow& row : collective_table(op))
      for (std::uint32_t ranks = 1; ranks <= 17; ++ranks)
        for (const Orders& channels : channel_choices(ranks))
          for (const std::int64_t elements : sizes) {
            CAPTURE(collective_op_name(op));
            CAPTURE(row.name);
            CAPTURE(ranks);
            CAPTURE(channels.size());
            CAPTURE(elements);
            f(Case{op, row, ranks, elements, channels});
          }
}

TEST_CASE("collectives: every element ends where it should, in every order that the dependencies allow") {
  std::mt19937 random(7);
  for_all_cases([&random](const Case& c) {
    const Pattern pattern = c.pattern();
    const auto owner = owners(c.ranks, c.elements, std::max<std::int64_t>(1, std::ssize(c.channels)));
    for (std::mt19937* shuffle : {static_cast<std::mt19937*>(nullptr), &random, &random}) {
      Buffers data = before(c.op, c.ranks, owner);
      const std::vector<std::size_t> order = an_order(pattern, shuffle);
      REQUIRE(order.size() == pattern.transfers().size());
      for (const std::size_t t : order) carry_out(pattern.transfers()[t], data);
      CHECK(wrong_after(c.op, data, owner) == 0);
    }
  });
}

TEST_CASE("collectives: transfers stay among the ranks and within the vector") {
  for_all_cases([](const Case& c) {
    for (const bool fluid : {false, true}) {
      const Pattern pattern = c.pattern(fluid);
      CHECK(pattern.ranks() == c.ranks);
      if (c.ranks == 1) CHECK(pattern.transfers().empty());
      bool good = true;
      for (std::size_t i = 0; i < pattern.transfers().size(); ++i) {
        const Transfer& t = pattern.transfers()[i];
        good = good && t.source < c.ranks && t.destination < c.ranks && t.source != t.destination && t.count >= 0 &&
               t.rounds >= 1 && t.channel < std::max<std::size_t>(1, c.channels.size());
        if (!fluid) good = good && t.first >= 0 && t.first + t.count <= c.elements && t.rounds == 1;
        for (const std::uint32_t b : pattern.after(i)) good = good && b < i;
      }
      CHECK(good);
    }
  });
}

struct Carried {
  std::int64_t elements = 0;
  std::uint32_t rounds = 0;
  friend bool operator==(const Carried&, const Carried&) = default;
};

// What each wire (source, destination, channel) carries, and how many latencies it pays (one after another on a ring;
// not so in every algorithm).
std::map<std::array<std::uint32_t, 3>, Carried> by_wire(const Pattern& pattern, bool with_rounds) {
  std::map<std::array<std::uint32_t, 3>, Carried> wires;
  for (const Transfer& t : pattern.transfers()) {
    Carried& wire = wires[{t.source, t.destination, t.channel}];
    wire.elements += t.count;
    if (with_rounds) wire.rounds += t.rounds;
  }
  return wires;
}

TEST_CASE("collectives: a fluid pattern carries on each wire what the pattern of flows does, in one transfer") {
  for_all_cases([](const Case& c) {
    const Pattern fluid = c.pattern(true);
    const bool ring = c.row.name == "ring";
    const auto wires = by_wire(fluid, ring);
    CHECK(wires.size() == fluid.transfers().size());
    CHECK(wires == by_wire(c.pattern(), ring));
  });
}

TEST_CASE("collectives: a ring sends in order on each wire") {
  for_all_cases([](const Case& c) {
    if (c.row.name != "ring") return;
    const Pattern pattern = c.pattern();
    std::map<std::array<std::uint32_t, 3>, std::uint32_t> last;
    bool in_order = true;
    for (std::uint32_t i = 0; i < pattern.transfers().size(); ++i) {
      const Transfer& t = pattern.transfers()[i];
      const auto [previous, first] = last.try_emplace({t.source, t.destination, t.channel}, i);
      in_order = in_order && (first || std::ranges::count(pattern.after(i), previous->second) == 1);
      previous->second = i;
    }
    CHECK(in_order);
  });
}

TEST_CASE("collectives: rings are bandwidth-optimal") {
  // Each of n ranks must receive, and send, (n-1)/n of the vector once for a reduce_scatter or an all_gather, twice for
  // an all_reduce (Patarasuk and Yuan 2009, Theorem 1): n - 1 vectors in all, or twice that.
  for_all_cases([](const Case& c) {
    if (c.row.name != "ring") return;
    std::int64_t moved = 0;
    const Pattern pattern = c.pattern();
    for (const Transfer& t : pattern.transfers()) moved += t.count;
    CHECK(moved == (c.op == CollectiveOp::all_reduce ? 2 : 1) * (c.ranks - 1) * c.elements);
  });
}

}  // namespace
}  // namespace rehearse
