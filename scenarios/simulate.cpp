#include "scenarios/simulate.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "scenarios/simulation.hpp"
#include "workloads/run_conditions.hpp"

namespace rehearse {

namespace {

/// So many iterations at most where it is for the program to choose: of a job that is far shorter than the others.
constexpr double most_chosen_iterations = 64;

std::vector<Flops> executed_flops(const Program& program) {
  std::vector<Flops> out;
  for (const auto& role : program.roles) {
    Flops sum;
    for (const Instruction& i : role)
      if (i.type == Instruction::Type::compute) sum += program.segments[i.index].flops;
    out.push_back(sum);
  }
  return out;
}

CollectiveTimes replay_once(const Simulation& s, Replayer& replayer) {
  CollectiveTimes times;
  if (!s.options.reuse_collectives) return times;
  const auto ranks = static_cast<std::uint32_t>(s.folding.workers.size());
  for (const auto& [group_class, spec] : reusable_collectives(s.communication, s.folding))
    times[{group_class, spec}] =
        replayer.replay(lone_schedule(fold_collective(s.communication, s.folding, group_class, spec), ranks)).makespan;
  return times;
}

/// An iteration of each job without the others.
std::vector<Seconds> times_alone(const Simulation& s, Replayer& replayer, const CollectiveTimes& times) {
  const std::vector<Job>& jobs = s.scenario.jobs;
  std::vector<Seconds> alone;
  for (std::size_t j = 0; j < jobs.size(); ++j) {
    Iterations only(jobs.size(), 0);
    only[j] = 1;
    const Lowered lowered = lower(jobs, s.program, s.communication, s.folding, times, only);
    const Timeline timeline = replayer.replay(lowered.schedule);
    alone.push_back(latest(lowered.iteration_ends[j][0], timeline) - jobs[j].start);
  }
  return alone;
}

/// As asked for, or else so many that each job is there as long as any one iteration of another.
Iterations iterations_of(const std::vector<Job>& jobs, const std::vector<Seconds>& alone) {
  Seconds until;
  for (std::size_t j = 0; j < jobs.size(); ++j) until = std::max(until, jobs[j].start + alone[j]);
  Iterations iterations;
  for (std::size_t j = 0; j < jobs.size(); ++j) {
    const double needed = std::ceil((until - jobs[j].start) / alone[j] - 1e-9);
    iterations.push_back(jobs[j].iterations > 0
                             ? jobs[j].iterations
                             : static_cast<std::uint32_t>(std::clamp(needed, 1.0, most_chosen_iterations)));
  }
  return iterations;
}

/// The ways of a run with conditions, and its GPUs.
void make_known(const Simulation& s, RunConditions& conditions) {
  const auto wires = s.communication.wires();
  for (std::uint32_t w = 0; w < wires.size(); ++w)
    conditions.add_path(s.folding.path(w),
                        {.from = s.layout.gpu_of(wires[w].from),
                         .to = s.layout.gpu_of(wires[w].to),
                         .flow = wires[w].flow,
                         .every_latency = wires[w].every_latency,
                         .only = wires[w].to_switch || wires[w].host ? wires[w].route : std::vector<LinkId>()});
  std::vector<std::uint32_t> gpus;
  for (const WorkerClass& worker : s.folding.workers) gpus.push_back(s.layout.gpu_of(worker.representative));
  conditions.set_gpus(std::move(gpus));
}

Result run(const Scenario& scenario, const SimulationOptions& options) {
  Simulation s(scenario, options);
  Replayer replayer(s.folding.network);
  const CollectiveTimes times = replay_once(s, replayer);
  RunConditions conditions(scenario.cluster, replayer);
  if (has_conditions(scenario.cluster)) {
    make_known(s, conditions);
    replayer.set_conditions(&conditions);
  }
  const std::vector<Job>& jobs = scenario.jobs;
  std::vector<Seconds> alone;
  Iterations iterations{std::max(jobs.front().iterations, 1U)};
  if (jobs.size() > 1 || iterations.front() > 1) {
    alone = times_alone(s, replayer, times);
    iterations = iterations_of(jobs, alone);
  }
  s.lowered = lower(jobs, s.program, s.communication, s.folding, times, iterations);
  s.timeline = replayer.replay(s.lowered.schedule);
  if (alone.empty()) alone = {latest(s.lowered.iteration_ends[0][0], s.timeline) - jobs.front().start};
  Result result = result_of(s, alone);
  result.schedule = std::move(s.lowered.schedule);
  result.network = std::move(s.folding.network);
  result.timeline = std::move(s.timeline);
  return result;
}

}  // namespace

Seconds latest(const std::vector<OpId>& ops, const Timeline& timeline) {
  Seconds end;
  for (const OpId op : ops) end = std::max(end, timeline.end[index(op)]);
  return end;
}

Simulation::Simulation(const Scenario& of, const SimulationOptions& how)
    : scenario(of),
      options(how),
      layout(of.jobs, of.cluster),
      program(build_program(of.jobs, layout, of.cluster, {how.merge_kernels})),
      communication(of.jobs, program, of.cluster),
      folding(fold(communication, of.cluster, how.fold && !has_conditions(of.cluster))),
      flops(executed_flops(program)) {
  for (std::uint32_t r = 0; r < layout.roles().size(); ++r) {
    const Role& role = layout.roles()[r];
    memory.push_back(stage_memory(of.jobs[role.job], program, role, r, of.cluster.groups()[role.group]));
  }
}

Result simulate(const Scenario& scenario, const SimulationOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  Result result = run(scenario, options);
  result.wall = Seconds(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  return result;
}

}  // namespace rehearse
