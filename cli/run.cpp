// rehearse run: simulate a scenario and report.
#include <unistd.h>
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <memory>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/outputs.hpp"
#include "engine/base/error.hpp"
#include "engine/base/output.hpp"
#include "reports/proof_report.hpp"
#include "reports/report.hpp"
#include "scenarios/plan_fit.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/simulate.hpp"

namespace rehearse {

namespace {

struct RunOptions {
  std::string scenario;
  std::vector<std::string> settings;
  std::string json, csv, trace;
  bool exact = false, ignore_memory = false, prove = false, quiet = false;
};

void write_outputs(const Result& result, const RunOptions& o, bool text) {
  if (!o.json.empty()) write_output(o.json, [&](std::ostream& out) { write_json(result, out); });
  if (!o.csv.empty()) write_output(o.csv, [&](std::ostream& out) { write_csv(result, out); });
  if (!o.trace.empty()) write_output(o.trace, [&](std::ostream& out) { write_trace(result, out); });
  if (text) write_text_report(result, std::cout, isatty(STDOUT_FILENO) != 0);
}

/// What would make the scenario fit where it does not.
void advise(const Scenario& scenario) {
  for (const std::string& line : ways_to_fit(scenario)) fmt::print(stderr, "rehearse: {}\n", line);
}

/// Faults that a plan may be run with: memory, when asked to.
bool can_run(const std::vector<Fault>& faults, const RunOptions& o) {
  if (faults.empty()) return true;
  for (const Fault& fault : faults)
    fmt::print(stderr, "rehearse: {}{}\n", fault.to_string(), o.ignore_memory ? " (ignored)" : "");
  return false;
}

/// Carries the plans out on numbers instead of simulating them.
Exit prove_jobs(const Scenario& scenario, const RunOptions& o, bool text) {
  std::vector<JobProof> proofs;
  for (const Job& job : scenario.jobs) {
    std::vector<std::string> notes;
    const Job small = scaled_down(job, notes);
    proofs.push_back({scenario.jobs.size() > 1 ? job.name : scenario.name, prove(small, scenario.cluster)});
    proofs.back().report.scaled = std::move(notes);
  }
  if (!o.json.empty()) write_output(o.json, [&](std::ostream& out) { write_proof_json(proofs, out); });
  if (text) write_proof_text(proofs, std::cout);
  const bool proved = std::ranges::all_of(proofs, [](const JobProof& p) { return p.report.proved(); });
  if (!proved) fmt::print(stderr, "rehearse: a fault of the program: it does not compute what the model does\n");
  return proved ? Exit::done : Exit::fault;
}

Exit run(const RunOptions& o) {
  const bool text = !stdout_taken({{"--json", o.json}, {"--csv", o.csv}, {"--trace", o.trace}}) && !o.quiet;
  const Scenario scenario = load_scenario(o.scenario, o.settings);
  if (!can_run(check_plan_of(scenario), {})) return Exit::plan_cannot_run;
  if (o.prove) return prove_jobs(scenario, o, text);
  if (!can_run(check_memory_of(scenario), o) && !o.ignore_memory) {
    advise(scenario);
    return Exit::plan_cannot_run;
  }
  write_outputs(simulate(scenario, o.exact ? SimulationOptions::exact() : SimulationOptions{}), o, text);
  return Exit::done;
}

}  // namespace

void add_run_command(CLI::App& app, Exit& status) {
  CLI::App* command = app.add_subcommand("run", "simulate one training iteration of a scenario");
  const auto o = std::make_shared<RunOptions>();
  command->add_option("scenario", o->scenario, "a YAML file, or a name from scenarios/")->required();
  command->add_option("--set", o->settings, "KEY=VALUE laid over the scenario: --set plan.tensor=4")
      ->allow_extra_args(false);
  command->add_option("--json", o->json, "write the result as JSON (- is standard output)")->check(not_empty());
  command->add_option("--csv", o->csv, "write the figures as a header and a row")->check(not_empty());
  command->add_option("--trace", o->trace, "write a timeline for https://ui.perfetto.dev")->check(not_empty());
  command->add_flag("--exact", o->exact, "no merging, folding or reuse: every GPU, kernel and flow (slow)");
  command->add_flag("--ignore-memory", o->ignore_memory, "run a plan that does not fit in memory");
  CLI::Option* prove = command->add_flag(
      "--prove", o->prove, "carry the plan out on numbers, made smaller, and compare with one GPU (docs/prove.md)");
  for (const char* other : {"--csv", "--trace", "--exact", "--ignore-memory"})
    prove->excludes(command->get_option(other));
  command->add_flag("-q,--quiet", o->quiet, "no report on standard output");
  command->callback([o, &status] { status = run(*o); });
}

}  // namespace rehearse
