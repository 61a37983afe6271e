// What a simulation used, what it is held against, and what is to be said of it.
#include <algorithm>
#include <map>
#include <stdexcept>

#include <fmt/format.h>

#include "engine/base/quantity_text.hpp"
#include "scenarios/simulation.hpp"
#include "workloads/parameters.hpp"
#include "workloads/run_conditions.hpp"

namespace rehearse {

namespace {

constexpr int most_links_of_a_kind = 2;  // in the list of the hottest

void add_bound(Result& result, std::string name, Seconds bound) {
  const double ratio = bound > Seconds(0) ? result.run_time / bound : 0.0;
  if (bound > Seconds(0) && ratio < 1 - 1e-9)
    throw std::logic_error(
        fmt::format("a run of {} is below a physical bound: {}, {}", to_text(result.run_time), name, to_text(bound)));
  result.bounds.push_back({std::move(name), bound, ratio});
}

/// Bytes that a link can carry in the run, whatever happens to it meanwhile.
double capacity(const Cluster& cluster, LinkId link, Seconds run_time) {
  const std::vector<Epoch>& epochs = cluster.degradation().epochs;
  double bytes = 0;
  for (std::size_t e = 0; e < epochs.size(); ++e) {
    const Seconds end = e + 1 < epochs.size() ? std::min(epochs[e + 1].from, run_time) : run_time;
    if (epochs[e].from < end) bytes += cluster.bandwidth(link, e).value() * (end - epochs[e].from).value();
  }
  return bytes;
}

void add_link(const Cluster& cluster, LinkId id, double bytes, Result& result,
              std::vector<std::pair<PathId, std::uint32_t>> crossed_by = {}) {
  result.hottest_links.push_back(
      {cluster.links()[index(id)], std::move(crossed_by), bytes, bytes / capacity(cluster, id, result.run_time)});
}

/// With conditions: what each link was found to carry.
void add_found_links(const Simulation& s, Result& result) {
  for (std::uint32_t l = 0; l < s.timeline.link_bytes.size(); ++l)
    if (s.timeline.link_bytes[l] > 0) add_link(s.scenario.cluster, LinkId{l}, s.timeline.link_bytes[l], result);
}

/// Of every link of the cluster, left out of the replay or not; links used alike are one row.
void add_crossed_links(const Simulation& s, Result& result) {
  const auto& links = s.scenario.cluster.links();
  std::vector<std::map<PathId, std::uint32_t>> crossed_by(links.size());
  for (std::uint32_t w = 0; w < s.communication.wires().size(); ++w)
    for (LinkId link : s.communication.wires()[w].route) ++crossed_by[index(link)][s.folding.path(w)];
  const std::vector<double> bytes_of_path = bytes_by_path(s.lowered.schedule, s.folding.network.path_count());
  std::map<std::pair<LinkKind, std::map<PathId, std::uint32_t>>, std::size_t> row_of;
  for (std::uint32_t l = 0; l < links.size(); ++l) {
    if (crossed_by[l].empty()) continue;
    const auto [found, fresh] = row_of.try_emplace({links[l].kind, crossed_by[l]}, result.hottest_links.size());
    if (!fresh) {
      ++result.hottest_links[found->second].link.members;
      continue;
    }
    double bytes = 0;
    for (const auto& [path, times] : crossed_by[l]) bytes += bytes_of_path[index(path)] * times;
    add_link(s.scenario.cluster, LinkId{l}, bytes, result, {crossed_by[l].begin(), crossed_by[l].end()});
  }
}

/// Over all GPUs and times, the least slowdown as a multiple of that at the start, which schedules have in them.
double least_slowdown(const Degradation& degradation) {
  double least = 1.0;
  for (const auto& [gpu, at_start] : degradation.epochs.front().slowdown)
    for (const Epoch& epoch : degradation.epochs) least = std::min(least, epoch.slowdown_of(gpu) / at_start);
  return least;
}

/// A line for each device that jobs run on, and what their models are like.
void note_devices(const Simulation& s, Result& result) {
  std::vector<bool> used(s.scenario.cluster.groups().size(), false);
  for (const Role& role : s.layout.roles()) {
    if (used[role.group]) continue;
    used[role.group] = true;
    const Device& device = s.scenario.cluster.groups()[role.group].device;
    const Plan& plan = s.scenario.jobs[role.job].plan;
    const std::string of = s.scenario.cluster.groups().size() > 1 ? fmt::format(" ({})", device.name) : "";
    result.notes.push_back(fmt::format("matrix products{}: {}", of, device.gemm.at(plan.precision).origin));
    result.notes.push_back(fmt::format("memory-bound kernels{}: {}", of, device.memory_origin));
    if (const std::size_t points = measured_points(device); points > 0)
      result.notes.push_back(
          fmt::format("times of kernels are interpolated between the {} measured points of {}", points, device.name));
  }
}

void note_model(const Job& job, const std::string& whose, Result& result) {
  const std::int64_t vocab = padded_vocab(job.model, job.plan);
  if (vocab != job.model.vocab)
    result.notes.push_back(fmt::format("{}the vocabulary is padded from {} to {}", whose, job.model.vocab, vocab));
  if (job.model.kv_heads < job.plan.tensor)
    result.notes.push_back(
        fmt::format("{}{} KV heads are replicated over {} tensor ranks", whose, job.model.kv_heads, job.plan.tensor));
  const Experts& experts = job.model.experts;
  if (experts.count > 0 && experts.capacity_factor > 0)
    result.notes.push_back(fmt::format("{}each of {} experts has {} times the slots of an even load, and computes all",
                                       whose, experts.count, experts.capacity_factor));
  else if (experts.count > 0)
    result.notes.push_back(fmt::format("{}tokens are taken to be spread evenly over {} experts", whose, experts.count));
}

}  // namespace

void fill_links(const Simulation& s, Result& result) {
  if (has_conditions(s.scenario.cluster))
    add_found_links(s, result);
  else
    add_crossed_links(s, result);
  std::ranges::stable_sort(result.hottest_links, std::greater{}, &LinkUse::utilisation);
  std::map<LinkKind, int> of_kind;
  std::erase_if(result.hottest_links,
                [&](const LinkUse& use) { return ++of_kind[use.link.kind] > most_links_of_a_kind; });
}

void fill_bounds(const Simulation& s, Result& result) {
  const Bounds bounds = lower_bounds(s.lowered.schedule, s.folding.network);
  Seconds at_peak;
  for (std::size_t role = 0; role < s.flops.size(); ++role) {
    const Role& of = s.layout.roles()[role];
    const FlopsPerSecond peak =
        s.scenario.cluster.groups()[of.group].device.peak(s.scenario.jobs[of.job].plan.precision);
    const auto iterations = static_cast<double>(result.jobs[of.job].iterations.size());
    at_peak = std::max(at_peak, s.flops[role] * iterations / peak);
  }
  const Degradation& degradation = s.scenario.cluster.degradation();
  if (degradation.jitter.empty()) add_bound(result, "matrix products at peak rate", at_peak);  // else by chance
  add_bound(result, "kernels back to back", bounds.busiest_lane * least_slowdown(degradation));
  if (has_conditions(s.scenario.cluster)) return;  // flows take other ways than those below
  // Parts of one link are never busy together, so what a link carries in all is the tighter bound.
  if (!result.hottest_links.empty())
    add_bound(result, "busiest link " + result.hottest_links[0].link.name,
              result.run_time * result.hottest_links[0].utilisation);
  add_bound(result, "critical path, no contention", bounds.critical_path);
}

void fill_notes(const Simulation& s, Result& result) {
  const auto note = [&](std::string text) { result.notes.push_back(std::move(text)); };
  if (s.folding.workers.size() < result.gpu_count)
    note(
        fmt::format("{} GPUs were simulated for {}: the others are the same by symmetry, shown by colour refinement "
                    "of devices, programs and routes",
                    s.folding.workers.size(), result.gpu_count));
  if (s.folding.links_left_out > 0)
    note(fmt::format("{} links were left out: those before or behind them are always the narrower ones",
                     s.folding.links_left_out));
  if (s.lowered.replayed > 0)
    note(
        fmt::format("{} of {} collectives took their time from one replay of each kind: nobody else uses their links "
                    "meanwhile",
                    s.lowered.replayed, s.lowered.collectives));
  const auto giving_back = [](const StageMemory& memory) { return memory.calls.retries > 0; };
  if (const auto some = std::ranges::find_if(s.memory, giving_back); some != s.memory.end())
    note(fmt::format(
        "the allocator gives back its cache {} times an iteration to make the plan fit: that takes time that "
        "is not counted",
        some->calls.retries));
  note_devices(s, result);
  for (const Job& job : s.scenario.jobs) note_model(job, s.scenario.jobs.size() > 1 ? job.name + ": " : "", result);
}

}  // namespace rehearse
