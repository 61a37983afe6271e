#include "scenarios/simulate.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <stdexcept>
#include <tuple>

#include <fmt/format.h>

#include "engine/base/quantity_text.hpp"
#include "engine/replay.hpp"
#include "scenarios/breakdown.hpp"
#include "scenarios/version.hpp"
#include "workloads/lowering.hpp"
#include "workloads/memory.hpp"

namespace rehearse {

namespace {

constexpr int most_links_of_a_kind = 2;  // in the list of the hottest

/// FLOPs of matrix products that one GPU of each stage executes.
std::vector<Flops> executed_flops(const Program& program) {
  std::vector<Flops> out;
  for (const auto& stage : program.stages) {
    Flops sum;
    for (const Instruction& i : stage)
      if (i.type == Instruction::Type::compute) sum += program.segments[i.index].flops;
    out.push_back(sum);
  }
  return out;
}

class Simulation {
 public:
  Simulation(const Scenario& scenario, const SimulationOptions& options)
      : scenario_(scenario),
        options_(options),
        program_(build_program(scenario.model, scenario.plan, scenario.cluster.device(),
                               chunk_activations(scenario.model, scenario.plan), {options.merge_kernels})),
        communication_(scenario.plan, program_, scenario.cluster, scenario.collectives),
        folding_(fold(communication_, scenario.cluster,
                      {.blocking_sends = program_.blocking_sends, .overlapped_data = scenario.plan.overlap_grad_reduce},
                      options.fold)),
        flops_(executed_flops(program_)) {
    for (std::int64_t stage = 0; stage < scenario.plan.pipeline; ++stage)
      memory_.push_back(stage_memory(scenario.model, scenario.plan, stage));
  }

  Result run() {
    Replayer replayer(folding_.network);
    CollectiveTimes times;
    if (options_.reuse_collectives)
      for (const auto& [group_class, spec] : reusable_collectives(communication_, folding_))
        times[{group_class, spec}] =
            replayer
                .replay(lone_schedule(fold_collective(communication_, folding_, group_class, spec),
                                      static_cast<std::uint32_t>(folding_.gpus.size())))
                .makespan;
    lowered_ = lower(program_, communication_, folding_, times);
    r_.timeline = replayer.replay(lowered_.schedule);
    r_.iteration_time = r_.timeline.makespan;
    fill_identity();
    fill_rates();
    fill_gpus();
    fill_memory();
    fill_links();
    fill_bounds();
    fill_notes();
    r_.schedule = std::move(lowered_.schedule);
    r_.network = std::move(folding_.network);
    return std::move(r_);
  }

 private:
  void fill_identity() {
    r_.name = scenario_.name;
    r_.version = std::string(version());
    r_.scenario = scenario_.resolved;
    r_.gpu_count = scenario_.cluster.gpu_count();
    r_.parameters = static_cast<double>(scenario_.model.parameters());
    r_.ops = lowered_.schedule.size();
    r_.flows = lowered_.schedule.flow_count();
    r_.collectives = lowered_.collectives;
    r_.replayed_collectives = lowered_.replayed;
  }

  void fill_rates() {
    const double time = r_.iteration_time.value();
    const auto samples = static_cast<double>(scenario_.plan.global_batch);
    const FlopsPerSecond peak = scenario_.cluster.device().peak(scenario_.plan.precision);
    r_.samples_per_s = samples / time;
    r_.tokens_per_s = r_.samples_per_s * static_cast<double>(scenario_.model.seq_len);
    Flops all;
    for (Flops stage : flops_) all += stage * static_cast<double>(scenario_.plan.tensor * scenario_.plan.data);
    r_.flops_per_gpu = all / static_cast<double>(r_.gpu_count) / r_.iteration_time;
    r_.hfu = r_.flops_per_gpu / peak;
    r_.mfu = model_flops(scenario_.model, scenario_.plan.global_batch) / static_cast<double>(r_.gpu_count) /
             r_.iteration_time / peak;
  }

  void fill_gpus() {
    const std::vector<Breakdown> breakdowns = break_down(lowered_.schedule, r_.timeline);
    for (std::uint32_t c = 0; c < folding_.gpus.size(); ++c) {
      const std::uint32_t gpu = folding_.gpus[c].representative;
      const std::uint32_t stage = communication_.layout().stage_of(gpu);
      r_.gpus.push_back({.rank = Rank{c},
                         .gpu = gpu,
                         .node = scenario_.cluster.node_of(gpu),
                         .stage = stage,
                         .members = folding_.gpus[c].members,
                         .breakdown = breakdowns[c],
                         .static_memory = memory_[stage].fixed(),
                         .collectives = collective_uses(program_, communication_, gpu)});
      fill_gradients(r_.gpus.back());
    }
    // The slowest is the one that is busy longest: with the least bubble.
    const auto slowest = std::ranges::min_element(breakdowns, {}, &Breakdown::bubble);
    r_.slowest = static_cast<std::uint32_t>(slowest - breakdowns.begin());
    r_.breakdown = *slowest;
  }

  void fill_gradients(SimulatedGpu& gpu) const {
    const Plan& plan = scenario_.plan;
    if (plan.data < 2) return;
    for (std::int64_t chunk = gpu.stage; chunk < plan.chunks(); chunk += plan.pipeline)
      gpu.gradient_tensors += static_cast<std::uint64_t>(chunk_tensors(scenario_.model, plan, chunk));
    for (const CollectiveUse& use : gpu.collectives)
      if (use.group == GroupKind::data && use.op != CollectiveOp::all_gather) gpu.gradient_reductions += use.calls;
  }

  void fill_memory() {
    const auto most = std::ranges::max_element(memory_, {}, &StageMemory::peak);
    const StageMemory& fullest = *most;
    r_.memory.stage = static_cast<std::uint32_t>(most - memory_.begin());
    r_.memory.parts = memory_parts(fullest);
    r_.memory.peak = fullest.peak();
    r_.memory.capacity = scenario_.cluster.device().memory_capacity;
    std::vector<Bytes> now;
    for (const SimulatedGpu& gpu : r_.gpus) {
      now.push_back(gpu.static_memory);
      r_.memory_samples.push_back({gpu.rank, Seconds(0), gpu.static_memory});
    }
    for (const MemoryChange& change : lowered_.memory) {
      now[index(change.rank)] += change.bytes;
      const Seconds when = change.when == OpId{no_index} ? Seconds(0) : r_.timeline.end[index(change.when)];
      r_.memory_samples.push_back({change.rank, when, now[index(change.rank)]});
    }
    std::ranges::stable_sort(r_.memory_samples, {}, [](const MemorySample& s) { return std::pair(s.rank, s.time); });
  }

  void fill_bounds() {
    const Bounds bounds = lower_bounds(lowered_.schedule, folding_.network);
    const Seconds at_peak = std::ranges::max(flops_) / scenario_.cluster.device().peak(scenario_.plan.precision);
    add_bound("matrix products at peak rate", at_peak);
    add_bound("kernels back to back", bounds.busiest_lane);
    // Parts of one link are never busy together, so what a link carries in all is the tighter bound.
    if (!r_.hottest_links.empty())
      add_bound("busiest link " + r_.hottest_links[0].link.name, r_.iteration_time * r_.hottest_links[0].utilisation);
    add_bound("critical path, no contention", bounds.critical_path);
  }

  void add_bound(std::string name, Seconds bound) {
    const double ratio = bound > Seconds(0) ? r_.iteration_time / bound : 0.0;
    if (bound > Seconds(0) && ratio < 1 - 1e-9)
      throw std::logic_error(fmt::format("an iteration of {} is below a physical bound: {}, {}",
                                         to_text(r_.iteration_time), name, to_text(bound)));
    r_.bounds.push_back({std::move(name), bound, ratio});
  }

  /// What every link of the cluster carried, left out of the replay or not; links used alike are one row.
  void fill_links() {
    const auto& links = scenario_.cluster.links();
    std::vector<std::map<PathId, std::uint32_t>> crossed_by(links.size());
    for (std::uint32_t w = 0; w < communication_.wires().size(); ++w)
      for (LinkId link : communication_.wires()[w].route) ++crossed_by[index(link)][folding_.path(w)];
    const std::vector<double> bytes_of_path = bytes_by_path(lowered_.schedule, folding_.network.path_count());
    std::map<std::pair<LinkKind, std::map<PathId, std::uint32_t>>, std::size_t> row_of;
    for (std::size_t l = 0; l < links.size(); ++l) {
      if (crossed_by[l].empty()) continue;
      const auto [found, fresh] = row_of.try_emplace({links[l].kind, crossed_by[l]}, r_.hottest_links.size());
      if (!fresh) {
        ++r_.hottest_links[found->second].link.members;
        continue;
      }
      double bytes = 0;
      for (const auto& [path, times] : crossed_by[l]) bytes += bytes_of_path[index(path)] * times;
      r_.hottest_links.push_back({links[l],
                                  {crossed_by[l].begin(), crossed_by[l].end()},
                                  bytes,
                                  bytes / (links[l].bandwidth.value() * r_.iteration_time.value())});
    }
    std::ranges::stable_sort(r_.hottest_links, std::greater{}, &LinkUse::utilisation);
    std::map<LinkKind, int> of_kind;
    std::erase_if(r_.hottest_links,
                  [&](const LinkUse& use) { return ++of_kind[use.link.kind] > most_links_of_a_kind; });
  }

  void fill_notes() {
    const auto note = [&](std::string text) { r_.notes.push_back(std::move(text)); };
    if (folding_.gpus.size() < r_.gpu_count)
      note(
          fmt::format("{} GPUs were simulated for {}: the others are the same by symmetry, shown by colour refinement "
                      "of devices, programs and routes",
                      folding_.gpus.size(), r_.gpu_count));
    if (folding_.links_left_out > 0)
      note(fmt::format("{} links were left out: those before or behind them are always the narrower ones",
                       folding_.links_left_out));
    if (lowered_.replayed > 0)
      note(
          fmt::format("{} of {} collectives took their time from one replay of each kind: nobody else uses their links "
                      "meanwhile",
                      lowered_.replayed, lowered_.collectives));
    const Device& device = scenario_.cluster.device();
    note("matrix products: " + device.gemm.at(scenario_.plan.precision).origin);
    note("memory-bound kernels: " + device.memory_origin);
    if (const std::size_t points = measured_points(device); points > 0)
      note(fmt::format("times of kernels are interpolated between the {} measured points of {}", points, device.name));
    const std::int64_t vocab = padded_vocab(scenario_.model, scenario_.plan);
    if (vocab != scenario_.model.vocab)
      note(fmt::format("the vocabulary is padded from {} to {}", scenario_.model.vocab, vocab));
    if (scenario_.model.kv_heads < scenario_.plan.tensor)
      note(fmt::format("{} KV heads are replicated over {} tensor ranks", scenario_.model.kv_heads,
                       scenario_.plan.tensor));
  }

  const Scenario& scenario_;
  SimulationOptions options_;
  Program program_;
  Communication communication_;
  Folding folding_;
  std::vector<Flops> flops_;         // executed, by stage
  std::vector<StageMemory> memory_;  // by stage
  Lowered lowered_;
  Result r_;
};

}  // namespace

std::vector<MemoryPart> memory_parts(const StageMemory& stage) {
  return {{"weights", stage.weights},
          {"gradients", stage.gradients},
          {"optimizer", stage.optimizer},
          {"activations", stage.activations},
          {"recomputation", stage.recomputation}};
}

Result simulate(const Scenario& scenario, const SimulationOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  Result result = Simulation(scenario, options).run();
  result.wall = Seconds(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  return result;
}

}  // namespace rehearse
