// How fast the engine replays: per compute op, per flow by how many are alive, and rings as `rehearse collective` has
// them.
#include <benchmark/benchmark.h>

#include <string>

#include "engine/replay.hpp"
#include "workloads/collectives/collective.hpp"
#include "workloads/pattern_source.hpp"

namespace {

using namespace rehearse;

constexpr std::uint32_t ports = 4096;

/// A crossbar: an up and a down link for each port; path i goes from port i to port i + 1.
const Network& crossbar() {
  static const Network network = [] {
    Network n;
    for (std::uint32_t i = 0; i < 2 * ports; ++i)
      n.add_link({"link " + std::to_string(i), BytesPerSecond(50e9), Seconds(500e-9)});
    for (std::uint32_t i = 0; i < ports; ++i) n.add_path({{LinkId{2 * i}}, {LinkId{2 * ((i + 1) % ports) + 1}}});
    return n;
  }();
  return network;
}

Replayer& replayer() {
  static Replayer r(crossbar());
  return r;
}

/// `lanes` chains of compute ops, `length` long.
Schedule compute_chains(std::uint32_t lanes, std::uint32_t length) {
  ScheduleBuilder b(lanes);
  for (std::uint32_t l = 0; l < lanes; ++l) {
    const LaneId lane = b.add_lane(Rank{l}, "compute");
    OpId last{};
    for (std::uint32_t i = 0; i < length; ++i) {
      const OpId op = b.add_compute({}, Kind::forward, lane, Seconds(1e-3 + 1e-6 * (l * 7 + i * 13 % 11)));
      if (i > 0) b.add_edge(last, op);
      last = op;
    }
  }
  return b.build();
}

/// `alive` chains of flows, `length` long: as many flows are alive at any time. Sizes differ, so that ends do too.
Schedule flow_chains(std::uint32_t alive, std::uint32_t length) {
  ScheduleBuilder b(ports);
  for (std::uint32_t c = 0; c < alive; ++c) {
    OpId last{};
    for (std::uint32_t i = 0; i < length; ++i) {
      const OpId op = b.add_flow({}, Kind::tensor_comm, Rank{c}, Rank{(c + 1) % ports},
                                 Bytes(1'000'000 + (c * 7919 + i * 104'729) % 100'003), PathId{c});
      if (i > 0) b.add_edge(last, op);
      last = op;
    }
  }
  return b.build();
}

void compute_op(benchmark::State& state) {
  const auto lanes = static_cast<std::uint32_t>(state.range(0));
  const Schedule schedule = compute_chains(lanes, 1'000'000 / lanes);
  for (auto _ : state) benchmark::DoNotOptimize(replayer().replay(schedule));
  state.counters["us_per_op"] =
      benchmark::Counter(static_cast<double>(schedule.size()) * 1e-6,
                         benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
BENCHMARK(compute_op)->Arg(8)->Arg(1024)->Unit(benchmark::kMillisecond);

void flow(benchmark::State& state) {
  const auto alive = static_cast<std::uint32_t>(state.range(0));
  const Schedule schedule = flow_chains(alive, 200'000 / alive);
  for (auto _ : state) benchmark::DoNotOptimize(replayer().replay(schedule));
  state.counters["us_per_flow"] =
      benchmark::Counter(static_cast<double>(schedule.size()) * 1e-6,
                         benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
BENCHMARK(flow)->Arg(16)->Arg(256)->Arg(1024)->Arg(4096)->Unit(benchmark::kMillisecond);

/// A ring all_reduce of 1 GiB on one switch; its flows are made as they are needed.
void ring_all_reduce(benchmark::State& state, bool fluid) {
  const auto ranks = static_cast<std::uint32_t>(state.range(0));
  const Pattern pattern = build_collective(*collective_table(CollectiveOp::all_reduce).find("ring"), ranks, 1 << 28);
  const WireOf wire = [&](std::uint32_t source, std::uint32_t destination, std::uint32_t) {
    const PathId path = replayer().add_path({{LinkId{2 * source}}, {LinkId{2 * destination + 1}}}, Seconds(1e-6));
    return SourceWire{path, Seconds(1e-6), 4};
  };
  SourceReplay replay;
  for (auto _ : state) {
    const auto source = pattern_source(pattern, fluid, replayer().network(), wire);
    replay = replayer().replay(*source);
  }
  state.counters["flows"] = static_cast<double>(replay.flows);
  state.counters["most_alive"] = static_cast<double>(replay.most_alive);
}
BENCHMARK_CAPTURE(ring_all_reduce, flow, false)->Arg(64)->Arg(256)->Arg(1024)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(ring_all_reduce, fluid, true)->Arg(64)->Arg(1024)->Unit(benchmark::kMillisecond);

}  // namespace
