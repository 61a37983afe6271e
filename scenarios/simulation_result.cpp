// From a simulation to its result: jobs and GPUs.
#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "scenarios/breakdown.hpp"
#include "scenarios/collective_use.hpp"
#include "scenarios/simulation.hpp"
#include "scenarios/version.hpp"
#include "workloads/parameters.hpp"

namespace rehearse {

namespace {

Breakdown divided(Breakdown b, double by) {
  for (const BreakdownRow& row : breakdown_table()) b.*row.time = b.*row.time / by;
  return b;
}

/// Whose collectives, gathers of parameters apart, sum gradients.
bool is_gradient_group(GroupKind kind) {
  return kind == GroupKind::data || kind == GroupKind::shard || kind == GroupKind::expert_data;
}

class Filling {
 public:
  Filling(const Simulation& simulation, const std::vector<Seconds>& alone) : s_(simulation), alone_(alone) {}

  Result run() {
    fill_identity();
    for (std::uint32_t j = 0; j < s_.scenario.jobs.size(); ++j) add_job(j);
    fill_gpus();
    fill_totals();
    fill_memory(s_, r_);
    fill_links(s_, r_);
    fill_bounds(s_, r_);
    fill_notes(s_, r_);
    return std::move(r_);
  }

 private:
  [[nodiscard]] const Job& job(std::uint32_t j) const { return s_.scenario.jobs[j]; }

  void fill_identity() {
    r_.name = s_.scenario.name;
    r_.version = std::string(version());
    r_.scenario = s_.scenario.resolved;
    r_.gpu_count = s_.layout.workers();
    r_.run_time = s_.timeline.makespan;
    r_.ops = s_.lowered.schedule.size();
    r_.flows = s_.lowered.schedule.flow_count();
    r_.collectives = s_.lowered.collectives;
    r_.replayed_collectives = s_.lowered.replayed;
  }

  void add_job(std::uint32_t j) {
    JobResult out{.name = job(j).name,
                  .gpu_count = static_cast<std::uint32_t>(job(j).gpus.size()),
                  .parameters = static_cast<double>(job(j).model.parameters()),
                  .start = job(j).start,
                  .end = job(j).start,
                  .iterations = {},
                  .alone = alone_[j]};
    for (const std::vector<OpId>& ops : s_.lowered.iteration_ends[j]) {
      const Seconds end = std::max(out.end, latest(ops, s_.timeline));
      out.iterations.push_back(end - out.end);
      out.end = end;
    }
    // In a list of jobs every iteration counts; the one job of a scenario has settled after its first.
    const bool settles = s_.scenario.job_keys.front().empty() && out.iterations.size() > 1;
    out.counted_from = settles ? out.start + out.iterations.front() : out.start;
    out.counted = static_cast<std::uint32_t>(out.iterations.size()) - (settles ? 1 : 0);
    out.together = (out.end - out.counted_from) / static_cast<double>(out.counted);
    fill_rates(j, out);
    r_.jobs.push_back(std::move(out));
  }

  void fill_rates(std::uint32_t j, JobResult& out) const {
    const double time = out.together.value();
    const auto samples = static_cast<double>(job(j).plan.global_batch);
    out.samples_per_s = samples / time;
    out.tokens_per_s = out.samples_per_s * static_cast<double>(job(j).model.seq_len);
    Flops executed;
    FlopsPerSecond peak;  // of all its GPUs
    for (std::uint32_t w = 0; w < s_.layout.workers(); ++w) {
      if (s_.layout.job_of(w) != j) continue;
      const std::uint32_t role = s_.layout.role_of(w);
      executed += s_.flops[role];
      peak += s_.scenario.cluster.device(s_.layout.gpu_of(w)).peak(job(j).plan.precision);
    }
    const auto gpus = static_cast<double>(out.gpu_count);
    out.flops_per_gpu = executed / gpus / out.together;
    out.hfu = executed / out.together / peak;
    out.mfu = model_flops(job(j).model, job(j).plan.global_batch) / out.together / peak;
  }

  void fill_gpus() {
    std::vector<Window> windows;
    for (std::uint32_t c = 0; c < s_.folding.workers.size(); ++c) {
      const JobResult& of = r_.jobs[s_.role_of_rank(c).job];
      windows.push_back({of.counted_from, of.end});
    }
    const std::vector<Breakdown> breakdowns = break_down(s_.lowered.schedule, s_.timeline, windows);
    for (std::uint32_t c = 0; c < s_.folding.workers.size(); ++c) {
      const Role& role = s_.role_of_rank(c);
      JobResult& of = r_.jobs[role.job];
      const Breakdown breakdown = divided(breakdowns[c], static_cast<double>(of.counted));
      add_gpu(c, role, breakdown);
      // The slowest is the one that is busy longest: with the least bubble.
      const bool first = of.breakdown.total() == Seconds(0);
      if (!first && !(breakdown.bubble < of.breakdown.bubble)) continue;
      of.slowest = c;
      of.breakdown = breakdown;
    }
  }

  void add_gpu(std::uint32_t rank, const Role& role, const Breakdown& breakdown) {
    const std::uint32_t worker = s_.folding.workers[rank].representative;
    const std::uint32_t gpu = s_.layout.gpu_of(worker);
    r_.gpus.push_back({.rank = Rank{rank},
                       .gpu = gpu,
                       .node = s_.scenario.cluster.node_of(gpu),
                       .job = role.job,
                       .stage = role.stage,
                       .members = s_.folding.workers[rank].members,
                       .breakdown = breakdown,
                       .static_memory = s_.memory[s_.layout.role_of(worker)].fixed(),
                       .collectives = collective_uses(s_.program, s_.communication, worker)});
    fill_gradients(r_.gpus.back());
    if (s_.scenario.jobs.size() > 1) {
      const std::uint32_t members = r_.gpus.back().members;
      r_.gpus.back().title = fmt::format("{}: GPU {} (stage {}{})", job(role.job).name, gpu, role.stage,
                                         members > 1 ? fmt::format(", stands for {}", members) : "");
    }
  }

  void fill_gradients(SimulatedGpu& gpu) const {
    const Plan& plan = job(gpu.job).plan;
    if (plan.replicas() < 2) return;
    gpu.gradient_tensors = static_cast<std::uint64_t>(held_of_stage(job(gpu.job).model, plan, gpu.stage).tensors);
    for (const CollectiveUse& use : gpu.collectives)
      if (is_gradient_group(use.group) && use.op != CollectiveOp::all_gather) gpu.gradient_reductions += use.calls;
  }

  /// Of all jobs; of one of them what is of an iteration.
  void fill_totals() {
    const JobResult& longest = *std::ranges::max_element(r_.jobs, {}, &JobResult::together);
    r_.iteration_time = longest.together;
    r_.breakdown = longest.breakdown;
    r_.slowest = longest.slowest;
    const auto all = static_cast<double>(r_.gpu_count);
    for (const JobResult& of : r_.jobs) {
      const double share = static_cast<double>(of.gpu_count) / all;
      r_.parameters = std::max(r_.parameters, of.parameters);
      r_.tokens_per_s += of.tokens_per_s;
      r_.samples_per_s += of.samples_per_s;
      r_.flops_per_gpu += of.flops_per_gpu * share;
      r_.mfu += of.mfu * share;
      r_.hfu += of.hfu * share;
    }
  }

  const Simulation& s_;
  const std::vector<Seconds>& alone_;
  Result r_;
};

}  // namespace

Result result_of(const Simulation& simulation, const std::vector<Seconds>& alone) {
  return Filling(simulation, alone).run();
}

}  // namespace rehearse
