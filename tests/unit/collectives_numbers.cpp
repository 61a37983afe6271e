// Every collective algorithm on real numbers, for all ranks to 17, awkward sizes, channels, chunks, nodes and roots.
#include <doctest/doctest.h>

#include <set>

#include "tests/support/collective_cases.hpp"
#include "tests/support/made_patterns.hpp"
#include "tests/support/pattern_execution.hpp"
#include "workloads/collectives/transfer_graph.hpp"

namespace rehearse {
namespace {

using testing::Buffers;

bool has_root(CollectiveOp op) { return op == CollectiveOp::broadcast || op == CollectiveOp::reduce; }

/// Two nodes that take positions in turn, so that none of them is a run.
std::vector<std::vector<std::uint32_t>> interleaved_nodes(std::uint32_t ranks) {
  std::vector<std::vector<std::uint32_t>> nodes(std::min(ranks, 2U));
  for (std::uint32_t p = 0; p < ranks; ++p) nodes[p % nodes.size()].push_back(p);
  return nodes;
}

std::vector<CollectiveOptions> options_of(CollectiveOp op, std::uint32_t ranks) {
  std::vector<CollectiveOptions> all{{},
                                     {.channels = ring_orders(ranks, 2), .root = ranks - 1},
                                     {.root = ranks / 2, .chunks = 3},
                                     {.nodes = nodes_of_size(ranks, ranks), .root = ranks / 3},
                                     {.nodes = nodes_of_size(ranks, 2), .chunks = 3},
                                     {.nodes = nodes_of_size(ranks, 3), .root = ranks - 1},
                                     {.nodes = interleaved_nodes(ranks), .chunks = 2},
                                     {.channels = ring_orders(ranks, 2),
                                      .nodes = nodes_of_size(ranks, 3),
                                      .root = ranks / 2,
                                      .chunks = 3,
                                      .rows = ranks % 2 == 0 ? 2U : 1U}};
  for (std::uint32_t root = 1; has_root(op) && root < ranks; ++root) all.push_back({.root = root});
  return all;
}

struct Case {
  const CollectiveRow& row;
  std::uint32_t ranks;
  std::int64_t elements;
  const CollectiveOptions& options;
  Pattern pattern;
  [[nodiscard]] CollectiveData data() const { return data_of(row, ranks, elements, options); }
};

template <class F>
void for_all_cases(std::initializer_list<std::int64_t> some_sizes, F f) {
  for (const CollectiveOp op : collective_ops)
    for (const CollectiveRow& row : collective_table(op))
      for (std::uint32_t ranks = 1; ranks <= 17; ++ranks)
        for (const CollectiveOptions& options : options_of(op, ranks))
          for (const std::int64_t elements : some_sizes) {
            CAPTURE(collective_op_name(op));
            CAPTURE(row.name);
            CAPTURE(ranks);
            CAPTURE(options.channels.size());
            CAPTURE(options.nodes.size());
            CAPTURE(options.chunks);
            CAPTURE(options.root);
            CAPTURE(elements);
            f(Case{row, ranks, elements, options, build_collective(row, ranks, elements, options)});
          }
}

TEST_CASE("collectives: every element ends where it should, and every step keeps the rules") {
  for_all_cases({0, 1, 7, 16, 52, 1000}, [](const Case& c) {
    REQUIRE(testing::fault_of(c.pattern) == "");
    const CollectiveData data = c.data();
    Buffers buffers = testing::buffers_before(c.pattern, data);
    testing::carry_out(c.pattern, buffers);
    CHECK(testing::wrong_elements(c.pattern, data, buffers) == 0);
  });
}

TEST_CASE("collectives: positions at random speeds and messages at random times change nothing") {
  std::mt19937 random(7);
  for_all_cases({52}, [&random](const Case& c) {
    const CollectiveData data = c.data();
    Buffers buffers = testing::buffers_before(c.pattern, data);
    CHECK(testing::RandomExecution(c.pattern, buffers, random).run());
    CHECK(testing::wrong_elements(c.pattern, data, buffers) == 0);
  });
}

TEST_CASE("collectives: patterns have the group's positions, channels and buffers") {
  for_all_cases({0, 52}, [](const Case& c) {
    CHECK(c.pattern.ranks == c.ranks);
    CHECK(c.pattern.switches <=
          (c.row.traits.needs_switch
               ? std::max<std::size_t>(1, c.options.nodes.empty() ? c.ranks : c.options.nodes.size())
               : 0));
    CHECK(c.pattern.buffer >= collective_buffer(c.row.op, c.ranks, c.elements));
    std::set<std::uint32_t> channels;
    bool network = false;
    std::vector<Transfer> step;
    for (std::uint64_t s = 0; s < c.pattern.steps(); ++s) c.pattern.step(s, step);
    for (const Transfer& t : step) {
      channels.insert(t.channel);
      network = network || t.source != t.destination;
    }
    CHECK(network == (c.ranks > 1));
    CHECK(c.pattern.channels >= std::max<std::size_t>(1, c.options.channels.size()));
    if (network) CHECK(channels.size() >= std::max<std::size_t>(1, c.options.channels.size()));
    if (network) CHECK(*channels.rbegin() < c.pattern.channels);
  });
}

/// The graph's flows, leaving and arriving in a random order that it allows.
class RandomReplay {
 public:
  RandomReplay(const Pattern& pattern, const TransferGraph& graph)
      : pattern_(pattern), graph_(graph), arrived_(graph.flows().size()), brought_(pattern.positions()) {
    for (std::uint64_t s = 0; s < pattern.steps(); ++s) {
      pattern.step(s, transfers_);
      step_.resize(transfers_.size(), s);
    }
    for (std::uint32_t f = 0; f < transfers_.size(); ++f) brought_[transfers_[f].destination].push_back(f);
    for (std::uint32_t turn = 0; turn < graph.turns().size(); ++turn) {
      const GraphTurn& of = graph.turns()[turn];
      open_.push_back(graph.sends(of).size());
      waits_.push_back(graph.awaits(of).size() + (of.before == GraphTurn::none ? 0 : 1));
    }
    turn_after_.resize(open_.size(), GraphTurn::none);
    awaiting_.resize(transfers_.size());
    for (std::uint32_t turn = 0; turn < graph.turns().size(); ++turn) {
      const GraphTurn& of = graph.turns()[turn];
      if (of.before != GraphTurn::none) turn_after_[of.before] = turn;
      for (const std::uint32_t f : graph.awaits(of)) awaiting_[f].push_back(turn);
    }
  }
  [[nodiscard]] bool same_flows() const {
    return std::ranges::equal(graph_.flows(), transfers_, [this](const GraphFlow& f, const Transfer& t) {
      return f.source == t.source && f.destination == t.destination && f.channel == pattern_.connection(t.channel) &&
             f.elements == t.elements() && f.rounds == t.rounds;
    });
  }
  /// Whether every flow could start, and when it did what it brings was there.
  bool run(std::mt19937& random) {
    for (std::uint32_t turn = 0; turn < waits_.size(); ++turn)
      if (waits_[turn] == 0) start(turn);
    std::size_t done = 0;
    while (!under_way_.empty()) {
      std::swap(under_way_[random() % under_way_.size()], under_way_.back());
      const UnderWay next = under_way_.back();
      under_way_.pop_back();
      if (next.left) {
        arrive(next.flow);
        ++done;
      } else {
        leave(next.flow);
      }
    }
    return good_ && done == transfers_.size();
  }

 private:
  struct UnderWay {
    std::uint32_t flow = 0;
    bool left = false;
  };

  void start(std::uint32_t turn) {
    for (const std::uint32_t f : graph_.sends(graph_.turns()[turn])) {
      good_ = good_ && is_there(f);
      under_way_.push_back({f, false});
    }
  }
  void leave(std::uint32_t f) {
    under_way_.push_back({f, true});
    const std::uint32_t turn = graph_.flows()[f].turn;
    if (--open_[turn] == 0 && turn_after_[turn] != GraphTurn::none) has_waited(turn_after_[turn]);
  }
  void arrive(std::uint32_t f) {
    arrived_[f] = true;
    for (const std::uint32_t turn : awaiting_[f]) has_waited(turn);
  }
  void has_waited(std::uint32_t turn) {
    if (--waits_[turn] == 0) start(turn);
  }
  /// All messages of earlier steps that bring any of its elements have arrived; of one without elements, all on its
  /// channel.
  [[nodiscard]] bool is_there(std::uint32_t f) const {
    const Transfer& t = transfers_[f];
    return std::ranges::all_of(brought_[t.source], [&](std::uint32_t before) {
      if (arrived_[before] || step_[before] >= step_[f]) return true;
      return t.elements() == 0 ? t.channel != transfers_[before].channel : !testing::meet(transfers_[before], t);
    });
  }

  const Pattern& pattern_;
  const TransferGraph& graph_;
  std::vector<Transfer> transfers_;
  std::vector<std::uint64_t> step_;
  std::vector<bool> arrived_;
  std::vector<std::vector<std::uint32_t>> brought_;  // by position, to it
  std::vector<std::size_t> open_, waits_;            // of each turn
  std::vector<std::uint32_t> turn_after_;
  std::vector<std::vector<std::uint32_t>> awaiting_;  // turns, by flow
  std::vector<UnderWay> under_way_;
  bool good_ = true;
};

TEST_CASE("collectives: the graph that is replayed carries the same dependencies") {
  std::mt19937 random(11);
  for_all_cases({52}, [&random](const Case& c) {
    const TransferGraph graph(c.pattern, false);
    RandomReplay replay(c.pattern, graph);
    CHECK(replay.same_flows());
    CHECK(replay.run(random));
    for (const bool fluid : {false, true}) {
      const TransferGraph counted(c.pattern, fluid);
      const auto flows = static_cast<std::size_t>(
          std::ranges::count_if(counted.flows(), [](const GraphFlow& f) { return !f.local(); }));
      CHECK(count_flows(c.pattern, fluid, flows) == flows);
    }
  });
}

/// After the pattern: of whom each position has heard, directly or through others, on any channel.
std::vector<std::uint64_t> heard_of(const Pattern& pattern) {
  const std::uint32_t positions = pattern.positions();
  std::vector<std::uint64_t> heard(std::size_t{pattern.channels} * positions);
  for (std::size_t i = 0; i < heard.size(); ++i) heard[i] = std::uint64_t{1} << i % positions;
  std::vector<Transfer> step;
  for (std::uint64_t s = 0; s < pattern.steps(); ++s) {
    step.clear();
    pattern.step(s, step);
    const std::vector<std::uint64_t> before = heard;
    for (const Transfer& t : step)
      heard[t.channel * positions + t.destination] |= before[t.channel * positions + t.source];
  }
  std::vector<std::uint64_t> out(positions);
  for (std::size_t i = 0; i < heard.size(); ++i) out[i % positions] |= heard[i];
  return out;
}

TEST_CASE("collectives: nobody leaves a barrier before all have come") {
  for_all_cases({52}, [](const Case& c) {
    if (c.row.op != CollectiveOp::barrier) return;
    const std::uint64_t all = (std::uint64_t{1} << c.ranks) - 1;
    const std::vector<std::uint64_t> heard = heard_of(c.pattern);
    for (std::uint32_t rank = 0; rank < c.ranks; ++rank) CHECK((heard[rank] & all) == all);
  });
}

TEST_CASE("collectives: the checks can fail") {
  const auto fault = [](std::vector<Transfer> step, bool steady = false) {
    Pattern pattern = stepwise(3, 2, [step](std::uint64_t s, std::vector<Transfer>& out) {
      out.insert(out.end(), step.begin(), step.end() - static_cast<std::ptrdiff_t>(s));
    });
    pattern.stretches.front().steady = steady;
    pattern.buffer = 10;
    return testing::fault_of(pattern);
  };
  CHECK(fault({{.source = 0, .destination = 1, .count = 10}}).empty());
  CHECK(fault({{.source = 0, .destination = 3, .count = 10}}) == "a position that is not there");
  CHECK(fault({{.source = 0, .destination = 1, .from = 1, .count = 10}}) == "elements outside the buffer");
  CHECK(fault({{.source = 0, .destination = 1, .count = 2, .runs = 3, .stride = 5}}) == "elements outside the buffer");
  CHECK(fault({{.source = 0, .destination = 1, .to = 2, .count = 3},
               {.source = 2, .destination = 1, .reduce = true, .to = 4, .count = 1}}) ==
        "two messages for the same elements");
  CHECK(fault({{.source = 0, .destination = 1, .reduce = true, .count = 5},
               {.source = 2, .destination = 1, .reduce = true, .count = 5}})
            .empty());
  CHECK(fault({{.source = 0, .destination = 1}, {.source = 2, .destination = 1}}, true) ==
        "a steady stretch that is not");

  const CollectiveRow& ring = *collective_table(CollectiveOp::all_reduce).find("ring");
  const CollectiveData data = data_of(ring, 4, 16, {});
  const Pattern lossy = made_lossy(build_collective(ring, 4, 16), 2);
  Buffers buffers = testing::buffers_before(lossy, data);
  testing::carry_out(lossy, buffers);
  CHECK(testing::wrong_elements(lossy, data, buffers) > 0);
}

TEST_CASE("collectives: rings are bandwidth-optimal") {
  // Each of n ranks must receive, and send, (n-1)/n of the vector once for a reduce_scatter or an all_gather, twice for
  // an all_reduce (Patarasuk and Yuan 2009, Theorem 1): n - 1 vectors in all, or twice that.
  for_all_cases({1, 52}, [](const Case& c) {
    if (c.row.name != "ring") return;
    std::int64_t moved = 0;
    std::vector<Transfer> step;
    for (std::uint64_t s = 0; s < c.pattern.steps(); ++s) c.pattern.step(s, step);
    for (const Transfer& t : step) moved += t.elements();
    CHECK(moved == (c.row.op == CollectiveOp::all_reduce ? 2 : 1) * (c.ranks - 1) * c.elements);
  });
}

}  // namespace
}  // namespace rehearse
