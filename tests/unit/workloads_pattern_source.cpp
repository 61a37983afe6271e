// Patterns as flows made when they are needed, against the same patterns written out as schedules.
#include <doctest/doctest.h>

#include <map>
#include <optional>

#include "tests/support/collective_cases.hpp"
#include "tests/support/collective_replay.hpp"
#include "tests/support/made_patterns.hpp"
#include "tests/support/relative.hpp"
#include "workloads/collectives/transfer_graph.hpp"
#include "workloads/lowering.hpp"
#include "workloads/merged_latency.hpp"

namespace rehearse {
namespace {

using testing::IdleSwitch;
using testing::in_child;

constexpr std::uint32_t most_ranks = 9;

/// A switch that some wires are further from than others, and channels further than others.
SourceWire uneven_wire(const IdleSwitch& idle, std::uint32_t from, std::uint32_t to, std::uint32_t channel,
                       std::uint32_t ranks) {
  SourceWire wire = idle.wire(from, to, ranks);
  if (from != to) wire.latency += Seconds(1e-6 * ((5 * from + 3 * to + channel) % 7));
  return wire;
}

/// The graph as it is: every wire for itself.
Schedule written_out(const Pattern& pattern, bool fluid, const IdleSwitch& idle) {
  const TransferGraph graph(pattern, fluid);
  const auto wire = [&](std::size_t i) {
    const GraphFlow& f = graph.flows()[i];
    return uneven_wire(idle, f.source, f.destination, f.channel, pattern.ranks);
  };
  FoldedCollective all;
  const std::vector<Seconds> latencies = flow_latencies(
      graph, [&](std::size_t i) { return wire(i).latency; },
      [&](std::size_t i, MergedLatencies& merged) {
        for (const Hop& hop : idle.network().hops(wire(i).path))
          merged.cross(hop.link, Bytes(graph.flows()[i].elements) / idle.network().link(hop.link).bandwidth);
      });
  for (std::size_t i = 0; i < latencies.size(); ++i) {
    const GraphFlow& f = graph.flows()[i];
    all.flows.push_back({.path = wire(i).path,
                         .bytes = Bytes(f.local() ? 0 : f.elements),
                         .latency = f.local() ? Seconds() : latencies[i],
                         .turn = f.turn});
  }
  for (const GraphTurn& turn : graph.turns()) {
    FoldedCollective::Turn out;
    if (turn.before != GraphTurn::none)
      for (const std::uint32_t f : graph.sends(graph.turns()[turn.before])) out.left.push_back(f);
    for (const std::uint32_t f : graph.awaits(turn)) out.arrived.push_back(f);
    all.turns.push_back(out);
  }
  ScheduleBuilder builder(1);
  for (FoldedCollective::Flow& flow : all.flows) flow.source = flow.destination = Rank{0};
  add_flows(builder, all, std::nullopt, builder.name("x"), Kind::other, {});
  return builder.build();
}

struct Case {
  std::string name;
  Pattern pattern;
  bool fluid = false;
};

std::vector<Case> all_cases() {
  std::vector<Case> out;
  for (const CollectiveOp op : collective_ops)
    for (const CollectiveRow& row : collective_table(op))
      for (const std::uint32_t ranks : {1U, 2U, 5U, 8U, most_ranks})
        for (CollectiveOptions options : option_choices(ranks))
          for (const bool fluid : {false, true}) {
            options.fluid = fluid;
            out.push_back({std::string(collective_op_name(op)) + " " + std::string(row.name) + " of " +
                               std::to_string(ranks) + (fluid ? ", fluid" : "") +
                               (options.channels.empty() ? "" : ", channels and chunks"),
                           build_collective(row, ranks, 1'000'003, options), fluid});
          }
  return out;
}

TEST_CASE("pattern source: the same time and bytes as the pattern written out, of every collective") {
  const IdleSwitch idle(most_ranks, 3e-6, 50e9);
  const std::vector<Case> cases = all_cases();
  const std::size_t links = idle.network().links().size();
  const std::vector<double> streamed = in_child([&] {
    Replayer replayer(idle.network());
    std::vector<double> numbers;
    for (const Case& c : cases) {
      const auto source = pattern_source(c.pattern, c.fluid, replayer.network(),
                                         [&](std::uint32_t from, std::uint32_t to, std::uint32_t channel) {
                                           return uneven_wire(idle, from, to, channel, c.pattern.ranks);
                                         });
      const SourceReplay replay = replayer.replay(*source);
      numbers.push_back(replay.makespan.value());
      numbers.insert(numbers.end(), replay.link_bytes.begin(), replay.link_bytes.end());
    }
    return numbers;
  });
  const std::vector<double> written = in_child([&] {
    Replayer replayer(idle.network());
    std::vector<double> numbers;
    for (const Case& c : cases) {
      const Timeline t = replayer.replay(written_out(c.pattern, c.fluid, idle));
      numbers.push_back(t.makespan.value());
      numbers.insert(numbers.end(), t.link_bytes.begin(), t.link_bytes.end());
    }
    return numbers;
  });
  REQUIRE(streamed.size() == cases.size() * (1 + links));
  REQUIRE(written.size() == streamed.size());
  std::string apart;
  for (std::size_t i = 0; i < streamed.size(); ++i)
    if (!(std::abs(streamed[i] - written[i]) <= 1e-9 * written[i])) apart += cases[i / (1 + links)].name + "\n";
  CHECK(cases.size() > 500);
  CHECK(apart == "");
}

/// A source's flows as it starts them, told by hand what becomes of them.
struct ByHand {
  explicit ByHand(const Pattern& given, bool fluid = false)
      : pattern(given), source(pattern_source(pattern, fluid, idle.network(), [this](auto from, auto to, auto channel) {
          ++asked[{from, to, channel}];
          return idle.wire(from, to, pattern.ranks);
        })) {
    source->begin(started);
  }
  /// What starts when the flow (an index into `started`) has left, or arrived.
  std::size_t left(std::size_t flow) {
    return newly([&] { source->left(started[flow].token, fresh); });
  }
  std::size_t arrived(std::size_t flow) {
    return newly([&] { source->arrived(started[flow].token, fresh); });
  }

  IdleSwitch idle{8, 2e-6, 1e9};
  Pattern pattern;
  std::map<std::array<std::uint32_t, 3>, int> asked;  ///< for each wire how often
  std::unique_ptr<FlowSource> source;
  std::vector<SourceFlow> started, fresh;

 private:
  template <class Tell>
  std::size_t newly(Tell tell) {
    fresh.clear();
    tell();
    started.insert(started.end(), fresh.begin(), fresh.end());
    return fresh.size();
  }
};

const CollectiveRow& row(CollectiveOp op, const char* name) { return *collective_table(op).find(name); }

TEST_CASE("pattern source: a message starts when the one before has left and what it hands on has arrived") {
  ByHand ring(build_collective(row(CollectiveOp::all_reduce, "ring"), 3, 9));
  REQUIRE(ring.started.size() == 3);  // 0 -> 1, 1 -> 2, 2 -> 0
  CHECK(ring.started[0].bytes == Bytes(3));
  CHECK(ring.started[0].latency == Seconds(2e-6));
  CHECK(ring.left(0) == 0);
  CHECK(ring.arrived(0) == 0);  // position 1 has it, and is still sending
  CHECK(ring.left(1) == 1);     // and now hands it on
  CHECK(ring.left(2) == 0);     // position 2 waits for what position 1 sends
  CHECK(ring.arrived(1) == 1);
  CHECK(ring.arrived(2) == 1);
  CHECK(ring.started.size() == 6);
  for (const auto& [wire, times] : ring.asked) CHECK(times == 1);
  CHECK(ring.asked.size() == 3);
}

TEST_CASE("pattern source: nothing to send") {
  ByHand one(build_collective(row(CollectiveOp::all_reduce, "ring"), 1, 9)), none{Pattern{.ranks = 4}};
  CHECK(one.started.empty());
  CHECK(none.started.empty());
  ByHand exchange(made_exchange(4, 0));  // messages without elements are messages
  CHECK(exchange.started.size() == 12);
  CHECK(exchange.started[0].bytes == Bytes());
}

TEST_CASE("pattern source: fluid: a ring is one flow on each wire, with all bytes and latencies") {
  ByHand ring(build_collective(row(CollectiveOp::all_reduce, "ring"), 4, 4000), true);
  REQUIRE(ring.started.size() == 4);
  for (const SourceFlow& flow : ring.started) {
    CHECK(flow.bytes == Bytes(6 * 1000));
    CHECK(flow.latency.value() == testing::relative(6 * 2e-6, 1e-9));
  }
  for (std::size_t i = 0; i < 4; ++i) CHECK(ring.left(i) + ring.arrived(i) == 0);
}

TEST_CASE("pattern source: memory is that of the messages under way, whose steps are made as they begin") {
  const std::uint32_t n = 64;
  const IdleSwitch idle(n, 1e-6, 50e9);
  const std::vector<double> seen = in_child([&] {
    Pattern pattern = build_collective(row(CollectiveOp::all_reduce, "ring"), n, 64 * 1'000'000);
    std::int64_t most_made = 0, calls = 0;
    pattern.stretches.front().make = [&, make = pattern.stretches.front().make](std::uint64_t step,
                                                                                std::vector<Transfer>& out) {
      most_made = std::max(most_made, static_cast<std::int64_t>(step)), ++calls;
      make(step, out);
    };
    /// Looks over the source's shoulder: how far the steps that are made run ahead.
    struct Watched : FlowSource {
      void begin(std::vector<SourceFlow>& started) override { inner->begin(started); }
      void left(std::uint64_t token, std::vector<SourceFlow>& started) override {
        inner->left(token, started);
        ahead = std::max(ahead, *made - ++gone / ranks);
      }
      void arrived(std::uint64_t token, std::vector<SourceFlow>& started) override { inner->arrived(token, started); }
      std::unique_ptr<FlowSource> inner;
      const std::int64_t* made = nullptr;
      std::int64_t gone = 0, ahead = 0, ranks = 1;
    } source;
    Replayer replayer(idle.network());
    source.inner = pattern_source(pattern, false, replayer.network(),
                                  [&](std::uint32_t a, std::uint32_t b, std::uint32_t) { return idle.wire(a, b, n); });
    source.made = &most_made;
    source.ranks = n;
    const SourceReplay replay = replayer.replay(source);
    return std::vector<double>{
        static_cast<double>(replay.flows), static_cast<double>(replay.most_alive), replay.link_bytes[0],
        replay.makespan.value(),           static_cast<double>(source.ahead),      static_cast<double>(calls)};
  });
  CHECK(seen[0] == 2.0 * (n - 1) * n);
  CHECK(seen[1] <= 2.0 * n);
  CHECK(seen[2] == 2.0 * (n - 1) * 1'000'000);
  CHECK(seen[3] == testing::relative(2.0 * (n - 1) * (1e-6 + 1'000'000 / 50e9), 1e-9));
  CHECK(seen[4] <= 1);
  CHECK(seen[5] == 2.0 * (n - 1));
}

}  // namespace
}  // namespace rehearse
