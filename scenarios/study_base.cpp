#include "scenarios/study_base.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "scenarios/collective_simulate.hpp"
#include "scenarios/simulate.hpp"

namespace rehearse {

namespace {

StudyRun read_training(const Value& base, const std::vector<Setting>& settings) {
  std::vector<std::string> texts;
  for (const Setting& setting : settings) texts.push_back(setting_text(setting, setting.key));
  return read_scenario(base, texts);
}

StudyRun read_collective(const Value& base, const std::vector<Setting>& settings) {
  constexpr std::string_view cluster = "cluster.";
  Value job = base;
  std::vector<std::string> of_cluster;
  for (const Setting& setting : settings) {
    if (setting.key.starts_with(cluster))
      of_cluster.push_back(setting_text(setting, setting.key.substr(cluster.size())));
    else
      job[setting.key] = setting.value;
  }
  CollectiveJob out = read_collective_job(std::move(job), of_cluster);
  if (out.is_single()) return out;
  throw InputError({Fault{base.file, base.line, "collective",
                          "a row is one collective: expected one number of ranks, one size and one algorithm"}});
}

StudyRun read_kernel(const Value& base, const std::vector<Setting>& settings) {
  Value job = base;
  for (const Setting& setting : settings) apply_setting(job, setting);
  return read_kernel_job(std::move(job));
}

constexpr std::array<StudyBase, 3> rows{{
    {"scenario", "a training run, as of `rehearse run`", "a scenario's name, file or mapping", true, read_training,
     [](const StudyFigure& f) { return f.of_result != nullptr; }},
    {"collective", "a collective, as of `rehearse collective`", "{op: all_reduce, cluster: dgx-a100}", false,
     read_collective, [](const StudyFigure& f) { return f.of_point != nullptr; }},
    {"kernel", "a matrix product on a device", "{device: h100-80gb-sxm, gemm: {m: 4096, n: 4096, k: 4096}}", false,
     read_kernel, [](const StudyFigure& f) { return f.of_kernel != nullptr; }},
}};

/// The reasons, without their places: those are files of the row.
std::string reasons(const std::vector<Fault>& faults) {
  std::string out;
  for (const Fault& fault : faults)
    out += fmt::format("{}{}: {}", out.empty() ? "" : "; ", fault.key_path, fault.message);
  return out;
}

std::string way_text(const CollectivePoint& p) {
  return fmt::format("{} {} {} channel{}", p.algorithm, protocol_name(p.protocol), p.channels,
                     p.channels == 1 ? "" : "s");
}

/// `member`: the figure's function of `result`.
template <class Of, class Result>
std::vector<double> figures_of(const Result& result, const std::vector<const StudyFigure*>& figures, Of member) {
  std::vector<double> out;
  for (const StudyFigure* figure : figures) out.push_back((figure->*member)(result));
  return out;
}

StudyAnswer answer(const Scenario& scenario, const std::vector<const StudyFigure*>& figures) {
  const bool layers = std::ranges::any_of(figures, [](const StudyFigure* f) { return f->of_layers; });
  return {figures_of(simulate(scenario, {.merge_kernels = !layers}), figures, &StudyFigure::of_result), {}};
}

StudyAnswer answer(const CollectiveJob& job, const std::vector<const StudyFigure*>& figures) {
  const CollectivePoint point = simulate_collective(job);
  return {figures_of(point, figures, &StudyFigure::of_point), way_text(point)};
}

StudyAnswer answer(const KernelJob& job, const std::vector<const StudyFigure*>& figures) {
  return {figures_of(job, figures, &StudyFigure::of_kernel), {}};
}

}  // namespace

Table<StudyBase> study_bases() { return {"base", rows}; }

std::vector<std::string> study_figure_names(const StudyBase& base, bool compared) {
  std::vector<std::string> names;
  for (const StudyFigure& figure : study_figures())
    if (base.has(figure) && (!compared || figure.kind != FigureKind::other)) names.emplace_back(figure.name);
  return names;
}

const Value& resolved_of(const StudyRun& run) {
  return std::visit([](const auto& of) -> const Value& { return of.resolved; }, run);
}

std::string why_it_cannot_run(const StudyRun& run) {
  const auto* scenario = std::get_if<Scenario>(&run);
  if (scenario == nullptr) return {};
  const std::vector<Fault> of_plan = check_plan_of(*scenario);
  return reasons(of_plan.empty() ? check_memory_of(*scenario) : of_plan);
}

StudyAnswer simulate_run(const StudyRun& run, const std::vector<const StudyFigure*>& figures) {
  return std::visit([&](const auto& of) { return answer(of, figures); }, run);
}

std::string setting_text(const Setting& setting, std::string_view key) {
  std::string text = to_yaml(setting.value);
  text.erase(text.find_last_not_of('\n') + 1);
  return fmt::format("{}={}", key, text);
}

}  // namespace rehearse
