// Why a scenario cannot run.
#include <algorithm>
#include <map>
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

/// What is offloaded has a way to the host, and room there.
void check_host(const Scenario& s, std::size_t j, std::vector<Fault>& faults) {
  const Job& job = s.jobs[j];
  for (const std::uint32_t group : groups_of(s, job)) {
    const Node& node = s.cluster.groups()[group].node;
    const bool has_way = node.host_bandwidth > BytesPerSecond(0) && node.pcie_bandwidth > BytesPerSecond(0);
    for (const auto& [key, offloads] : {std::pair{"offload_optimizer", job.plan.offload_optimizer},
                                        {"offload_activations", job.plan.offload_activations}})
      if (offloads && !has_way)
        faults.push_back(fault_at(s, s.job_keys[j] + "plan." + key,
                                  fmt::format("the node {} has no {}, which it takes to offload", node.name,
                                              node.pcie_bandwidth > BytesPerSecond(0) ? "host" : "pcie")));
  }
}

/// What the GPUs of a node keep in the memory of its CPUs, all jobs together.
void check_host_memory(const Scenario& s, const JobLayout& layout, const std::vector<StageMemory>& of_role,
                       std::vector<Fault>& faults) {
  std::map<std::uint32_t, Bytes> by_node;
  for (std::uint32_t worker = 0; worker < layout.workers(); ++worker)
    by_node[s.cluster.node_of(layout.gpu_of(worker))] += of_role[layout.role_of(worker)].host;
  for (const auto& [number, bytes] : by_node) {
    const Bytes capacity = s.cluster.node(number).host_memory;
    if (bytes <= capacity) continue;
    faults.push_back(fault_at(s, s.job_keys.front() + "plan",
                              fmt::format("what is offloaded does not fit in the host memory of node {}: {} of {}",
                                          number, to_text(bytes), to_text(capacity))));
    return;
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
    check_host(s, j, faults);
  }
  return faults;
}

std::vector<Fault> check_memory_of(const Scenario& s) {
  std::vector<Fault> faults;
  const JobLayout layout(s.jobs, s.cluster);
  const Program program = build_program(s.jobs, layout, s.cluster, {});
  std::vector<StageMemory> of_role;
  std::set<std::uint32_t> told;  // of each job the first stage that does not fit
  for (std::uint32_t r = 0; r < layout.roles().size(); ++r) {
    const Role& role = layout.roles()[r];
    const StageMemory& m =
        of_role.emplace_back(stage_memory(s.jobs[role.job], program, role, r, s.cluster.groups()[role.group]));
    const Bytes capacity = s.cluster.groups()[role.group].device.memory_capacity;
    if (m.peak() <= capacity || !told.insert(role.job).second) continue;
    faults.push_back(fault_at(s, s.job_keys[role.job] + "plan",
                              fmt::format("stage {} does not fit in memory: {}; together {} of {}", role.stage,
                                          account_text(m), to_text(m.peak()), to_text(capacity))));
  }
  check_host_memory(s, layout, of_role, faults);
  return faults;
}

}  // namespace rehearse
