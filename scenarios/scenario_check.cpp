// Why a scenario cannot run.
#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/base/quantity_text.hpp"
#include "scenarios/job_read.hpp"
#include "scenarios/simulate.hpp"

namespace rehearse {

namespace {

/// The node groups that the job runs on. All there are where the job has no GPUs yet.
std::set<std::uint32_t> groups_of(const Scenario& s, const Job& job) {
  std::set<std::uint32_t> groups;
  for (std::uint32_t g = 0; job.gpus.empty() && g < s.cluster.groups().size(); ++g) groups.insert(g);
  for (const std::uint32_t gpu : job.gpus) groups.insert(s.cluster.group_number(gpu));
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

std::string account_text(const StageMemory& m) {
  std::string text;
  for (const MemoryPart& part : memory_parts(m))
    if (part.bytes > Bytes(0)) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", part.name, to_text(part.bytes));
  return text;
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
  const JobLayout layout(s.jobs, s.cluster);
  const Program program = build_program(s.jobs, layout, s.cluster, {});
  std::set<std::uint32_t> told;  // of each job the first stage that does not fit
  for (std::uint32_t r = 0; r < layout.roles().size(); ++r) {
    const Role& role = layout.roles()[r];
    const StageMemory m = stage_memory(s.jobs[role.job], program, role, r, s.cluster.groups()[role.group]);
    const Bytes capacity = s.cluster.groups()[role.group].device.memory_capacity;
    if (m.peak() <= capacity || !told.insert(role.job).second) continue;
    faults.push_back(fault_at(s, s.job_keys[role.job] + "plan",
                              fmt::format("stage {} does not fit in memory: {}; together {} of {}", role.stage,
                                          account_text(m), to_text(m.peak()), to_text(capacity))));
  }
  return faults;
}

}  // namespace rehearse
