// Bubbles of the pipeline schedules in the replay: Narayanan et al. 2021, Section 2.2, within 1e-9.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "engine/replay.hpp"
#include "tests/support/cluster_text.hpp"
#include "tests/support/forked.hpp"
#include "tests/support/plan_job.hpp"
#include "tests/support/relative.hpp"
#include "workloads/lowering.hpp"

using namespace rehearse;
using rehearse::testing::in_child;

namespace {

/// Of all the chunks of a stage; a backward pass is the sum of its halves.
constexpr double forward_time = 0.003, input_time = 0.004, weight_time = 0.003;
constexpr double work_time = forward_time + input_time + weight_time;

/// `stages` devices whose links cost nothing that 1e-9 would show.
Cluster free_network(std::int64_t stages) {
  return testing::cluster_of(
      "{node: {gpus: " + std::to_string(stages) +
      ", device: a100-80gb-sxm, interconnect: {bandwidth: 1000000 TB/s, latency: 0 us}}, nodes: 1}");
}

Plan plan_of(std::string_view schedule, std::int64_t p, std::int64_t m, std::int64_t v) {
  Plan plan;
  plan.schedule = schedule;
  plan.pipeline = p, plan.global_batch = m, plan.virtual_stages = v;
  return plan;
}

/// The order of the schedule with equal segments, and messages of one byte between neighbouring chunks.
class EqualStages {
 public:
  explicit EqualStages(const Plan& plan) : plan_(plan), row_(plan.pipeline_row()), shape_(plan.shape()) {
    for (const double time : {forward_time, input_time + weight_time, input_time, weight_time}) {  // by Phase
      const Seconds duration(time / static_cast<double>(plan.virtual_stages));
      program_.segments.push_back({.name = "chunk", .duration = duration, .parts = {{"chunk", duration, Flops(0)}}});
    }
  }

  Program build() {
    const PassTimes times{forward_time, input_time, weight_time};
    for (const std::vector<Pass>& passes : row_.order(shape_, times)) {
      program_.roles.emplace_back();
      for (const Pass& pass : passes) add(pass);
    }
    return std::move(program_);
  }

 private:
  void add(const Pass& pass) {
    const auto stage = static_cast<std::int32_t>(program_.roles.size() - 1);
    const std::int32_t chunk = model_chunk_of(row_.layout, shape_, {stage, pass.chunk});
    const std::int32_t step = pass.phase == Phase::forward ? 1 : -1;
    const bool talks = pass.phase != Phase::backward_weight;
    if (talks) message(Instruction::Type::receive, pass, chunk - step, chunk - step, stage);
    program_.roles.back().push_back(
        {.type = Instruction::Type::compute, .index = static_cast<std::uint32_t>(pass.phase)});
    if (talks) message(Instruction::Type::send, pass, chunk, chunk + step, stage);
  }

  /// That leaves `from`; the peer is the stage of `peer_chunk`. Nothing where that is outside the model, or at hand.
  void message(Instruction::Type type, const Pass& pass, std::int32_t from, std::int32_t peer_chunk,
               std::int32_t stage) {
    if (peer_chunk < 0 || peer_chunk >= plan_.chunks()) return;
    const std::int32_t replica = replica_of(row_.layout, pass.micro_batch);
    const std::int32_t peer = place_of(row_.layout, shape_, peer_chunk, replica).stage;
    if (peer == stage) return;
    const Phase phase = pass.phase == Phase::forward ? Phase::forward : Phase::backward;
    const Message message{phase, pass.micro_batch, from, 0, Bytes(1), !plan_.overlap_p2p};
    const auto found = std::ranges::find(program_.messages, message);
    const auto index = static_cast<std::uint32_t>(found - program_.messages.begin());
    if (found == program_.messages.end()) program_.messages.push_back(message);
    program_.roles.back().push_back({.type = type, .index = index, .peer = static_cast<std::uint32_t>(peer)});
  }

  const Plan& plan_;
  const PipelineRow& row_;
  PipelineShape shape_;
  Program program_;
};

/// Iteration time over that of the work alone, less 1.
double bubble(const Plan& plan) {
  return in_child([&] {
           const Cluster cluster = free_network(plan.pipeline);
           const Program program = EqualStages(plan).build();
           const std::vector<Job> jobs{testing::job_of(plan)};
           const Communication communication(jobs, program, cluster);
           const Folding folding = fold(communication, cluster, true);
           const Schedule schedule = lower(jobs, program, communication, folding, {}, {1}).schedule;
           if (!validate(schedule).empty()) throw std::logic_error(validate(schedule).front());
           const double ideal = static_cast<double>(plan.micro_batches()) * work_time;
           return std::vector{Replayer(folding.network).replay(schedule).makespan.value() / ideal - 1};
         })
      .at(0);
}

}  // namespace

TEST_CASE("bubble: gpipe and 1f1b lose (p - 1) / m") {
  for (const char* schedule : {"gpipe", "1f1b"})
    for (const auto& [p, m] : {std::pair{1, 4}, {2, 2}, {2, 16}, {3, 7}, {4, 4}, {4, 32}, {8, 5}, {8, 24}}) {
      CAPTURE(schedule);
      CAPTURE(p);
      CAPTURE(m);
      CHECK(std::abs(bubble(plan_of(schedule, p, m, 1)) - static_cast<double>(p - 1) / m) < 1e-9);
    }
}

TEST_CASE("bubble: interleaved loses (p - 1) / (v m)") {
  for (const auto& [p, m, v] :
       {std::tuple{2, 4, 1}, {2, 2, 2}, {2, 8, 3}, {4, 8, 2}, {4, 4, 4}, {3, 9, 2}, {8, 16, 2}}) {
    CAPTURE(p);
    CAPTURE(m);
    CAPTURE(v);
    CHECK(std::abs(bubble(plan_of("interleaved", p, m, v)) - static_cast<double>(p - 1) / (v * m)) < 1e-9);
  }
}

TEST_CASE("bubble: zero_bubble_h1 loses (p - 1) of what a weight pass cannot fill (Qi et al. 2024, Section 3)") {
  for (const auto& [p, m] : {std::pair{2, 6}, {4, 12}, {8, 24}}) {
    CAPTURE(p);
    CHECK(bubble(plan_of("zero_bubble_h1", p, m, 1)) ==
          testing::relative((p - 1) * (forward_time + input_time - weight_time) / (m * work_time), 1e-6));
  }
}
