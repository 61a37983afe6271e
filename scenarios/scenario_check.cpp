// Why a scenario cannot run.
#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/base/quantity_text.hpp"
#include "scenarios/job_read.hpp"
#include "workloads/job_layout.hpp"
#include "workloads/memory.hpp"

namespace rehearse {

namespace {

/// The node groups that the job's stage runs on; of all stages where `stage` is negative. All there are where the job
/// has no GPUs yet.
std::set<std::uint32_t> groups_of(const Scenario& s, const Job& job, std::int64_t stage = -1) {
  const PlanLayout layout(job.plan, job.placement.order);
  std::set<std::uint32_t> groups;
  for (std::uint32_t g = 0; job.gpus.empty() && g < s.cluster.groups().size(); ++g) groups.insert(g);
  for (std::uint32_t rank = 0; rank < job.gpus.size(); ++rank)
    if (stage < 0 || layout.coordinate(rank, Degree::pipeline) == stage)
      groups.insert(s.cluster.group_number(job.gpus[rank]));
  return groups;
}

void check_precision(const Scenario& s, std::size_t j, std::vector<Fault>& faults) {
  const Job& job = s.jobs[j];
  for (const std::uint32_t group : groups_of(s, job)) {
    const Device& device = s.cluster.groups()[group].device;
    if (device.gemm.contains(job.plan.precision)) continue;
    std::vector<std::string_view> has;
    for (const auto& [precision, profile] : device.gemm) has.push_back(precision_name(precision));
    faults.push_back(fault_at(s, s.job_keys[j] + "plan.precision",
                              fmt::format("the device {} has no {}; it has {}", device.name,
                                          precision_name(job.plan.precision), fmt::join(has, ", "))));
  }
}

/// Of the first stage that does not fit, if one does not.
void check_memory(const Scenario& s, std::size_t j, std::vector<Fault>& faults) {
  const Job& job = s.jobs[j];
  for (std::int64_t stage = 0; stage < job.plan.pipeline; ++stage) {
    const StageMemory m = stage_memory(job.model, job.plan, stage);
    for (const std::uint32_t group : groups_of(s, job, stage)) {
      const Bytes capacity = s.cluster.groups()[group].device.memory_capacity;
      if (m.peak() <= capacity) continue;
      faults.push_back(fault_at(
          s, s.job_keys[j] + "plan",
          fmt::format("stage {} does not fit in memory: weights {}, gradients {}, optimizer {}, "
                      "activations {}, recomputation {}; together {} of {}",
                      stage, to_text(m.weights), to_text(m.gradients), to_text(m.optimizer), to_text(m.activations),
                      to_text(m.recomputation), to_text(m.peak()), to_text(capacity))));
      return;
    }
  }
}

}  // namespace

std::vector<Fault> check_plan_of(const Scenario& s) {
  std::vector<Fault> faults = s.unplaced;
  for (std::size_t j = 0; j < s.jobs.size(); ++j) {
    const Job& job = s.jobs[j];
    // Where it has no GPUs yet, and was not refused, it has the cluster to itself and does not fill it.
    const bool misfit = job.gpus.empty() && s.unplaced.empty();
    const std::int64_t gpus = misfit ? std::int64_t{s.cluster.gpu_count()} : job.plan.gpus();
    for (const PlanFault& fault : check_plan(job.model, job.plan, gpus))
      faults.push_back(fault_at(s, s.job_keys[j] + fault.key_path, fault.message));
    check_precision(s, j, faults);
  }
  return faults;
}

std::vector<Fault> check_memory_of(const Scenario& s) {
  std::vector<Fault> faults;
  for (std::size_t j = 0; j < s.jobs.size(); ++j) check_memory(s, j, faults);
  return faults;
}

}  // namespace rehearse
