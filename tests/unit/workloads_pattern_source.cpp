// Patterns as flows made when they are needed, against the same patterns written out as schedules.
#include <doctest/doctest.h>

#include <optional>

#include "tests/support/collective_cases.hpp"
#include "tests/support/collective_replay.hpp"
#include "workloads/collectives/transfer_graph.hpp"
#include "workloads/lowering.hpp"
#include "workloads/merged_latency.hpp"

namespace rehearse {
namespace {

using testing::IdleSwitch;

constexpr std::uint32_t most_ranks = 9;

/// The graph as it is: every wire for itself.
Schedule written_out(const Pattern& pattern, bool fluid, const IdleSwitch& idle) {
  const TransferGraph graph(pattern, fluid);
  FoldedCollective all;
  const std::vector<Seconds> latencies = flow_latencies(
      graph, [&](const GraphFlow& f) { return idle.wire(f.source, f.destination, pattern.ranks).latency; },
      [&](std::size_t i, MergedLatencies& merged) {
        const GraphFlow& f = graph.flows()[i];
        for (const Hop& hop : idle.network().hops(idle.wire(f.source, f.destination, pattern.ranks).path))
          merged.cross(hop.link, Bytes(f.elements) / idle.network().link(hop.link).bandwidth);
      });
  for (const GraphFlow& f : graph.flows())
    all.flows.push_back({.path = idle.wire(f.source, f.destination, pattern.ranks).path,
                         .bytes = Bytes(f.local() ? 0 : f.elements),
                         .latency = f.local() ? Seconds() : latencies[all.flows.size()],
                         .turn = f.turn});
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

TEST_CASE("pattern source: the same time as the pattern written out, of every collective") {
  const IdleSwitch idle(most_ranks, 3e-6, 50e9);
  std::vector<testing::CollectiveReplay> patterns;
  for (const CollectiveOp op : collective_ops)
    for (const CollectiveRow& row : collective_table(op))
      for (const std::uint32_t ranks : {1U, 2U, 5U, 8U, most_ranks})
        for (CollectiveOptions options : option_choices(ranks))
          for (const bool fluid : {false, true}) {
            options.fluid = fluid;
            patterns.push_back({build_collective(row, ranks, 1'000'003, options), fluid});
          }
  const std::vector<double> streamed = testing::collective_seconds(idle, patterns);
  const std::vector<double> written = testing::in_child([&] {
    Replayer replayer(idle.network());
    std::vector<double> seconds;
    for (const auto& p : patterns)
      seconds.push_back(replayer.replay(written_out(p.pattern, p.fluid, idle)).makespan.value());
    return seconds;
  });
  REQUIRE(streamed.size() == written.size());
  std::size_t apart = 0;
  for (std::size_t i = 0; i < streamed.size(); ++i)
    if (!(std::abs(streamed[i] - written[i]) <= 1e-9 * written[i])) ++apart;
  CHECK(patterns.size() > 500);
  CHECK(apart == 0);
}

TEST_CASE("pattern source: memory is that of the messages under way") {
  const std::uint32_t n = 64;
  const IdleSwitch idle(n, 1e-6, 50e9);
  const Pattern pattern = build_collective(*collective_table(CollectiveOp::all_reduce).find("ring"), n, 64 * 1'000'000);
  const std::vector<double> seen = testing::in_child([&] {
    Replayer replayer(idle.network());
    const auto source =
        pattern_source(pattern, false, replayer.network(),
                       [&](std::uint32_t a, std::uint32_t b, std::uint32_t) { return idle.wire(a, b, n); });
    const SourceReplay replay = replayer.replay(*source);
    return std::vector<double>{static_cast<double>(replay.flows), static_cast<double>(replay.most_alive),
                               replay.link_bytes[0], replay.makespan.value()};
  });
  CHECK(seen[0] == 2.0 * (n - 1) * n);
  CHECK(seen[1] <= 2.0 * n);
  CHECK(seen[2] == 2.0 * (n - 1) * 1'000'000);
  CHECK(seen[3] == doctest::Approx(2.0 * (n - 1) * (1e-6 + 1'000'000 / 50e9)).epsilon(1e-9));
}

}  // namespace
}  // namespace rehearse
