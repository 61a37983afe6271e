// How fast allocators go through a stream: a million events with 10^4 blocks alive, of sizes from 1 KiB to 32 MiB.
#include <benchmark/benchmark.h>

#include <vector>

#include "engine/base/mixing.hpp"
#include "workloads/memory/allocator.hpp"

namespace {

using namespace rehearse;

constexpr std::uint32_t alive = 10'000;
constexpr std::size_t events = 1'000'000;

/// Fills up, and then frees one block after another, any of them, for a new one of another size.
std::vector<AllocatorEvent> random_stream() {
  std::vector<AllocatorEvent> stream;
  for (std::uint64_t i = 0; stream.size() < events; ++i) {
    const BlockId block{static_cast<std::uint32_t>(i < alive ? i : mix({i, 0}) % alive)};
    const auto size = static_cast<std::int64_t>((std::uint64_t{1} << (10 + mix({i, 1}) % 16)) + mix({i, 2}) % 1024);
    if (i >= alive) stream.push_back({AllocatorEvent::Action::free, block, {}});
    stream.push_back({AllocatorEvent::Action::allocate, block, Bytes(size)});
  }
  return stream;
}

void allocator_event(benchmark::State& state, const char* name) {
  static const std::vector<AllocatorEvent> stream = random_stream();
  const AllocatorRow& row = *allocator_table().find(name);
  for (auto _ : state) benchmark::DoNotOptimize(replay_stream(*row.make({}), stream));
  state.counters["us_per_event"] =
      benchmark::Counter(static_cast<double>(stream.size()) * 1e-6,
                         benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
BENCHMARK_CAPTURE(allocator_event, caching, "caching")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(allocator_event, device, "device")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(allocator_event, expandable, "expandable")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(allocator_event, ideal, "ideal")->Unit(benchmark::kMillisecond);

}  // namespace
