// Memory of a simulated run: the account of the fullest GPU, and how much is in use over time.
#include <algorithm>

#include <fmt/format.h>

#include "scenarios/simulation.hpp"

namespace rehearse {

namespace {

std::string_view doing_name(Kind kind) {
  switch (kind) {
    case Kind::forward: return "the forward pass";
    case Kind::backward: return "the backward pass";
    case Kind::recompute: return "the recomputation";
    case Kind::backward_weight: return "the gradients of the weights";
    case Kind::optimizer: return "the optimizer";
    default: return "communication";
  }
}

/// By how much of its device's memory each role needs, the fullest.
std::size_t fullest_role(const Simulation& s) {
  const auto use = [&](std::size_t role) {
    const Bytes capacity = s.scenario.cluster.groups()[s.layout.roles()[role].group].device.memory_capacity;
    return static_cast<double>(s.memory[role].peak().value()) / static_cast<double>(capacity.value());
  };
  std::size_t fullest = 0;
  for (std::size_t role = 1; role < s.memory.size(); ++role)
    if (use(role) > use(fullest)) fullest = role;
  return fullest;
}

Seconds time_of(const MemoryChange& change, const Lowered& lowered, const Timeline& timeline) {
  Seconds time;
  for (std::uint32_t i = change.first_op; i < change.first_op + change.ops; ++i) {
    const std::size_t op = index(lowered.memory_ops[i]);
    time = std::max(time, timeline.begin[op] + (timeline.end[op] - timeline.begin[op]) * change.share);
  }
  return time;
}

void fill_samples(const Simulation& s, Result& r) {
  std::vector<Bytes> now;
  for (const SimulatedGpu& gpu : r.gpus) {
    now.push_back(gpu.static_memory);
    r.memory_samples.push_back({gpu.rank, Seconds(0), gpu.static_memory});
  }
  for (const MemoryChange& change : s.lowered.memory) {
    now[index(change.rank)] += change.bytes;
    r.memory_samples.push_back({change.rank, time_of(change, s.lowered, s.timeline), now[index(change.rank)]});
  }
  std::ranges::stable_sort(r.memory_samples, {}, [](const MemorySample& m) { return std::pair(m.rank, m.time); });
}

/// When a GPU of a role has most in use.
Seconds peak_time(const Simulation& s, const Result& r, std::size_t role) {
  MemorySample most;
  for (const MemorySample& sample : r.memory_samples) {
    if (s.layout.role_of(s.folding.workers[index(sample.rank)].representative) != role) continue;
    if (sample.bytes > most.bytes || (sample.bytes == most.bytes && sample.time < most.time)) most = sample;
  }
  return most.time;
}

MemoryMoment moment_of(const StageMemory& memory, Seconds time) {
  if (memory.largest.empty()) return {};
  MemoryMoment out{.time = time,
                   .doing = std::string(doing_name(memory.at.kind)),
                   .layer = memory.at.layer,
                   .micro_batch = memory.at.micro_batch};
  for (const LiveBlock& live : memory.largest)
    out.largest.push_back({.name = live.block.name,
                           .use = std::string(memory_use_name(live.block.use)),
                           .layer = live.block.layer,
                           .micro_batch = live.micro_batch,
                           .bytes = live.bytes});
  return out;
}

}  // namespace

std::string MemoryMoment::text() const {
  std::string out = "in " + doing;
  if (layer >= 0) out += fmt::format(" of layer {}", layer);
  if (micro_batch >= 0) out += fmt::format(", micro batch {}", micro_batch);
  return out;
}

std::vector<MemoryPart> memory_parts(const StageMemory& stage) {
  std::vector<MemoryPart> parts{
      {"weights", stage.weights}, {"gradients", stage.gradients}, {"optimizer", stage.optimizer}};
  for (std::size_t use = 0; use < memory_use_count; ++use)
    parts.push_back({std::string(memory_use_name(static_cast<MemoryUse>(use))), stage.used[use]});
  parts.push_back({"communication", stage.communication});
  parts.push_back({"framework", stage.framework});
  parts.push_back({"fragmentation", stage.fragmentation});
  return parts;
}

void fill_memory(const Simulation& s, Result& r) {
  fill_samples(s, r);
  const std::size_t fullest = fullest_role(s);
  const Role& role = s.layout.roles()[fullest];
  const StageMemory& memory = s.memory[fullest];
  r.memory = {.parts = memory_parts(memory),
              .peak = memory.peak(),
              .in_use = memory.in_use(),
              .capacity = s.scenario.cluster.groups()[role.group].device.memory_capacity,
              .job = role.job,
              .stage = role.stage,
              .at = moment_of(memory, peak_time(s, r, fullest))};
}

}  // namespace rehearse
