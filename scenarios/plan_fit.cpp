#include "scenarios/plan_fit.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include "engine/base/quantity_text.hpp"
#include "workloads/memory/account.hpp"

namespace rehearse {

namespace {

/// A change, as the keys that it sets; empty where the plan has it already.
using Change = std::vector<std::pair<std::string, std::string>>;

template <class T>
Change set_to(T& member, T value, const char* key, const std::string& text) {
  if (member == value) return {};
  member = value;
  return {{key, text}};
}

/// Twice the degree, with half the data-parallel ranks.
Change doubled(Plan& p, std::int64_t Plan::*degree, const char* key) {
  if (p.data % 2 != 0) return {};
  p.*degree *= 2;
  p.data /= 2;
  return {{key, fmt::to_string(p.*degree)}, {"data", fmt::to_string(p.data)}};
}

Change set_zero(Plan& p, std::int64_t zero) {
  if (p.zero >= zero || p.replicas() < 2) return {};
  p.zero = zero;
  Change out{{"zero", fmt::to_string(zero)}};
  if (zero < 2 || p.reduce_every_micro_batch) return out;
  p.reduce_every_micro_batch = true;
  out.emplace_back("reduce_every_micro_batch", "true");
  return out;
}

using Apply = Change (*)(Plan&);

/// In the order of changes_that_fit.
constexpr std::array<Apply, 17> candidates{
    [](Plan& p) { return set_to(p.allocator, std::string("expandable"), "allocator", "expandable"); },
    [](Plan& p) { return set_to(p.attention, AttentionKind::flash, "attention", "flash"); },
    [](Plan& p) { return p.tensor > 1 ? set_to(p.sequence_parallel, true, "sequence_parallel", "true") : Change(); },
    [](Plan& p) { return set_zero(p, 1); },
    [](Plan& p) { return set_to(p.gradient_precision, Precision::bf16, "gradient_precision", "bf16"); },
    [](Plan& p) {
      return p.recompute == Recompute::none ? set_to(p.recompute, Recompute::selective, "recompute", "selective")
                                            : Change();
    },
    [](Plan& p) {
      if (p.micro_batch % 2 != 0) return Change();
      return set_to(p.micro_batch, p.micro_batch / 2, "micro_batch", fmt::to_string(p.micro_batch / 2));
    },
    [](Plan& p) { return set_zero(p, 2); },
    [](Plan& p) {
      return p.zero >= 3 ? set_to(p.reshard_after_forward, true, "reshard_after_forward", "true") : Change();
    },
    [](Plan& p) { return doubled(p, &Plan::pipeline, "pipeline"); },
    [](Plan& p) { return doubled(p, &Plan::context, "context"); },
    [](Plan& p) { return doubled(p, &Plan::tensor, "tensor"); },
    [](Plan& p) { return set_zero(p, 3); },
    [](Plan& p) { return set_to(p.optimizer_precision, Precision::bf16, "optimizer_precision", "bf16"); },
    [](Plan& p) { return set_to(p.recompute, Recompute::full, "recompute", "full"); },
    [](Plan& p) { return set_to(p.offload_optimizer, true, "offload_optimizer", "true"); },
    [](Plan& p) { return set_to(p.offload_activations, true, "offload_activations", "true"); }};

/// The peak of the fullest GPU; nothing where one does not fit.
std::optional<Bytes> fitting_peak(const Job& job, const Cluster& cluster) {
  const std::span<const Job> jobs(&job, 1);
  const JobLayout layout(jobs, cluster);
  const Program program = build_program(jobs, layout, cluster, {});
  Bytes most;
  for (std::uint32_t r = 0; r < layout.roles().size(); ++r) {
    const NodeGroup& group = cluster.groups()[layout.roles()[r].group];
    const Bytes peak = stage_memory(job, program, layout.roles()[r], r, group).peak();
    if (peak > group.device.memory_capacity) return {};
    most = std::max(most, peak);
  }
  return most;
}

std::string settings_of(const Change& change, const std::string& prefix) {
  std::string out;
  for (const auto& [key, value] : change)
    out += fmt::format("{}--set {}plan.{}={}", out.empty() ? "" : " ", prefix, key, value);
  return out;
}

}  // namespace

std::vector<PlanChange> changes_that_fit(const Scenario& scenario, std::size_t number) {
  std::vector<PlanChange> out;
  for (const Apply apply : candidates) {
    Job job = scenario.jobs[number];
    const Change change = apply(job.plan);
    if (change.empty() || !check_plan(job.model, job.plan, std::ssize(job.gpus)).empty()) continue;
    if (const std::optional<Bytes> peak = fitting_peak(job, scenario.cluster))
      out.push_back({settings_of(change, scenario.job_keys[number]), *peak});
  }
  return out;
}

std::vector<std::string> ways_to_fit(const Scenario& scenario) {
  std::vector<std::string> out;
  for (std::size_t j = 0; j < scenario.jobs.size(); ++j) {
    if (fitting_peak(scenario.jobs[j], scenario.cluster)) continue;
    const std::vector<PlanChange> changes = changes_that_fit(scenario, j);
    out.emplace_back(changes.empty() ? "no change of one key alone makes it fit"
                                     : "each of these alone makes it fit, what costs least time first:");
    for (const PlanChange& change : changes)
      out.push_back(fmt::format("  {}  (peak {})", change.settings, to_text(change.peak)));
  }
  return out;
}

}  // namespace rehearse
