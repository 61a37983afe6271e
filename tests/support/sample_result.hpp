// A small Result made by hand: two pipeline stages on two nodes, two micro batches, a gradient all-reduce.
#pragma once

#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include "reports/report.hpp"

namespace rehearse::testing {

/// Builds a schedule and its timeline side by side: every op is added with the times it ran.
class ResultBuilder {
 public:
  explicit ResultBuilder(std::uint32_t ranks) : schedule(ranks) {
    for (std::uint32_t i = 0; i < ranks; ++i) {
      SimulatedGpu gpu;
      gpu.rank = Rank{i};
      gpu.gpu = i;
      result.gpus.push_back(gpu);
    }
    result.name = "sample";
    result.version = "0.0.0";
  }

  OpId compute(const char* name, Kind kind, LaneId lane, double begin, double end, Tags tags = {},
               std::uint32_t parts = no_index, std::uint32_t loads = no_index) {
    times(begin, end);
    return schedule.add_compute(schedule.name(name), kind, lane, Seconds(end - begin), tags, parts, loads);
  }
  OpId flow(const char* name, Kind kind, std::uint32_t from, std::uint32_t to, std::int64_t bytes, PathId path,
            double begin, double end, Tags tags = {}, std::uint32_t rounds = 1) {
    times(begin, end);
    return schedule.add_flow(schedule.name(name), kind, Rank{from}, Rank{to}, Bytes(bytes), path, tags, rounds);
  }
  OpId join(double time) {
    times(time, time);
    return schedule.add_join();
  }

  Result build() {
    result.schedule = schedule.build();
    for (const Seconds end : result.timeline.end) result.timeline.makespan = std::max(result.timeline.makespan, end);
    result.iteration_time = result.run_time = result.timeline.makespan;
    result.jobs = {{.name = result.name}};
    return std::move(result);
  }

  ScheduleBuilder schedule;
  Result result;

 private:
  void times(double begin, double end) {
    result.timeline.begin.emplace_back(begin);
    result.timeline.end.emplace_back(end);
  }
};

inline void fill_figures(Result& r) {
  r.name = "GPT, \"small\"";
  r.gpu_count = 48;
  r.parameters = 1.3e9;
  r.tokens_per_s = 123456.5;
  r.samples_per_s = 60.25;
  r.flops_per_gpu = FlopsPerSecond(139.25e12);
  r.mfu = 0.3125;
  r.hfu = 0.40625;
  r.memory = {{{"weights", Bytes(std::int64_t{10} << 30)}, {"optimizer states", Bytes(std::int64_t{30} << 30)}},
              Bytes(std::int64_t{40} << 30),
              Bytes(std::int64_t{80} << 30),
              1};
  r.breakdown = {.compute = Seconds(0.004),
                 .tensor_comm = Seconds(0.0005),
                 .pipeline_comm = Seconds(0.0002),
                 .data_comm = Seconds(0.0003),
                 .optimizer = Seconds(0.001)};
  r.slowest = 1;
  r.ops = 12345;
  r.flows = 3;
  r.collectives = 1;
  r.replayed_collectives = 0;
  r.notes = {"24 replicas of the pipeline are one."};
  r.bounds = {{"critical path without contention", Seconds(0.005), 1.2}, {"busiest link", Seconds(0), 0}};
  r.wall = Seconds(0.125);
}

inline Result sample_result() {
  ResultBuilder b(2);
  const LinkId cable = b.result.network.add_link({"cable", BytesPerSecond(10e9), Seconds(1e-6), LinkKind::nic, 1});
  const PathId path = b.result.network.add_path({{cable, 1}});
  const LaneId c0 = b.schedule.add_lane(Rank{0}, "compute"), c1 = b.schedule.add_lane(Rank{1}, "compute");
  const LaneId m0 = b.schedule.add_lane(Rank{0}, "communication");
  const std::vector<Part> pieces{{b.schedule.name("attention"), Seconds(0.4e-3), Flops(4e9)},
                                 {b.schedule.name("mlp"), Seconds(0.6e-3), Flops(6e9)}};
  const std::uint32_t parts = b.schedule.add_parts(pieces);
  const auto tags = [](int mb, int stage) {
    return Tags{mb, static_cast<std::int16_t>(stage), static_cast<std::int16_t>(stage)};
  };

  const OpId f00 = b.compute("attention and mlp", Kind::forward, c0, 0, 1e-3, tags(0, 0), parts);
  const OpId s0 = b.flow("activations", Kind::pipeline_comm, 0, 1, 2'000'000, path, 1e-3, 1.201e-3, tags(0, 0));
  const OpId f01 = b.compute("layer 0 forward", Kind::forward, c0, 1e-3, 2e-3, tags(1, 0));
  const OpId f10 = b.compute("forward", Kind::forward, c1, 1.201e-3, 2.201e-3, tags(0, 1), parts);
  const OpId s1 = b.flow("activations", Kind::pipeline_comm, 0, 1, 2'000'000, path, 2e-3, 2.201e-3, tags(1, 0));
  const OpId f11 = b.compute("forward", Kind::forward, c1, 2.301e-3, 3.301e-3, tags(1, 1));
  b.schedule.add_edge(f00, s0);
  b.schedule.add_edge(s0, f10);
  b.schedule.add_edge(f01, s1);
  b.schedule.add_edge(s1, f11);
  const OpId opens = b.join(4e-3);
  const OpId ring = b.flow("all_reduce", Kind::data_comm, 1, 0, 5'000'000, path, 4e-3, 4.501e-3);
  const OpId closes = b.join(4.501e-3);
  b.schedule.add_edge(opens, ring);
  b.schedule.add_edge(ring, closes);
  b.schedule.add_span(
      {b.schedule.name("all_reduce gradients"), m0, opens, closes, Bytes(5'000'000), {}, Kind::data_comm});
  b.compute("optimizer", Kind::optimizer, c0, 5e-3, 6e-3);

  b.result.memory_samples = {{Rank{0}, Seconds(0), Bytes(1000)},
                             {Rank{0}, Seconds(1e-3), Bytes(3000)},
                             {Rank{0}, Seconds(2e-3), Bytes(3000)},
                             {Rank{0}, Seconds(5e-3), Bytes(1000)}};
  b.result.gpus[0].members = 24;
  b.result.gpus[1] = {Rank{1}, 12, 1, 0, 1, 24, {}, Bytes(1000)};
  b.result.gpus[1].collectives = {{.group = GroupKind::data,
                                   .op = CollectiveOp::all_reduce,
                                   .kind = Kind::data_comm,
                                   .ranks = 1024,
                                   .nodes = 128,
                                   .algorithm = "nccl_tree",
                                   .protocol = Protocol::ll128,
                                   .channels = 8,
                                   .fidelity = Fidelity::fluid,
                                   .calls = 13,
                                   .bytes = 5'000'000}};
  b.result.gpus[1].gradient_tensors = 388;
  b.result.gpus[1].gradient_reductions = 13;
  b.result.hottest_links = {{b.result.network.link(cable), {{path, 1}}, 9e6, 0.15}};
  fill_figures(b.result);
  return b.build();
}

/// The same GPUs, as of two jobs.
inline Result two_jobs() {
  Result result = sample_result();
  const Breakdown breakdown{.compute = Seconds(0.004), .bubble = Seconds(0.002)};
  result.jobs = {{.name = "large",
                  .gpu_count = 32,
                  .end = Seconds(0.006),
                  .iterations = {Seconds(0.006)},
                  .alone = Seconds(0.005),
                  .together = Seconds(0.006),
                  .tokens_per_s = 1e5,
                  .breakdown = breakdown},
                 {.name = "small 1",
                  .gpu_count = 16,
                  .start = Seconds(0.003),
                  .end = Seconds(0.006),
                  .iterations = {Seconds(0.001), Seconds(0.002)},
                  .alone = Seconds(0.0015),
                  .together = Seconds(0.0015)}};
  result.gpus[1].job = 1;
  result.memory.job = 1, result.memory.stage = 0;
  return result;
}

/// What a report writes.
template <class Write>
std::string text_of(Write write) {
  std::ostringstream out;
  write(out);
  return out.str();
}

}  // namespace rehearse::testing
