// rehearse collective: simulate one collective over sizes, ranks and algorithms, as nccl-tests measures it.
#include <array>
#include <chrono>
#include <iostream>
#include <memory>
#include <optional>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/outputs.hpp"
#include "cli/progress.hpp"
#include "engine/base/error.hpp"
#include "engine/base/output.hpp"
#include "reports/collective_report.hpp"
#include "reports/report.hpp"
#include "scenarios/collective_execute.hpp"
#include "scenarios/collective_ways.hpp"

namespace rehearse {

namespace {

/// An option that is a key of the job (see read_collective_job).
struct JobOption {
  const char *key, *name, *help;
};
constexpr std::array<JobOption, 12> job_options{{
    {"op", "--op", "all_reduce, all_gather, reduce_scatter, ... (default all_reduce)"},
    {"algorithm", "--algorithm", "a name, auto: the quickest, or all: each that there is (default auto)"},
    {"cluster", "--cluster", "name of a cluster or of a node type, or a YAML file"},
    {"ranks", "--ranks", "number of GPUs, or FIRST:LAST, doubling (default all of the cluster)"},
    {"bytes", "--bytes", "size, or FIRST:LAST, doubling: 8, 64KiB, 1MB, 8:1GiB (default 8:128MiB)"},
    {"step_factor", "--step-factor", "from one size to the next (default 2)"},
    {"datatype", "--datatype", "float, half, bfloat16, double, int8, ... (default float)"},
    {"root", "--root", "of a broadcast or reduce (default 0)"},
    {"protocol", "--protocol", "none, ll, ll128, simple or auto (default auto)"},
    {"channels", "--channels", "a number, or auto (default auto)"},
    {"chunk", "--chunk", "most bytes of a channel that are sent as one, or auto (default auto)"},
    {"fidelity", "--fidelity", "flow: every message, fluid: steady steps as one, or auto (default auto)"},
}};

struct CommandOptions {
  std::array<std::string, job_options.size()> job;
  std::vector<std::string> settings;
  std::string json, csv, trace;
  [[nodiscard]] std::vector<OutputOption> outputs() const {
    return {{"--json", json}, {"--csv", csv}, {"--trace", trace}};
  }
  bool explain = false, execute = false, quiet = false;
  int repetitions = 20;
};

/// The options that were given, as a mapping; each says in messages where it comes from.
Value job_mapping(const CommandOptions& o) {
  Value root;
  root.type = Value::Type::mapping;
  for (std::size_t i = 0; i < job_options.size(); ++i) {
    if (o.job[i].empty()) continue;
    Value& value = root[job_options[i].key];
    value = scalar_value(o.job[i]);
    value.file = fmt::format("{} {}", job_options[i].name, o.job[i]);
  }
  return root;
}

void check_single(const CollectiveJob& job) {
  if (job.is_single()) return;
  throw InputError(
      fmt::format("--trace is of one collective: give one size, one number of ranks and one algorithm; found "
                  "{} sizes, {} numbers of ranks, algorithm {}",
                  job.bytes.size(), job.ranks.size(), job.algorithm));
}

void explain(const CollectiveJob& job, std::ostream& out) {
  const std::string algorithm = job.algorithm == "all" ? "auto" : job.algorithm;
  for (const std::uint32_t ranks : job.ranks) {
    const CollectiveGroup group = group_of(job, ranks);
    for (const Bytes bytes : sizes_of(job, ranks))
      write_collective_explanation(group, task_of(job, ranks, bytes), candidates_of(job, group, bytes, algorithm), out);
  }
}

void write_outputs(const CollectiveResult& result, const CommandOptions& o, bool text) {
  if (!o.json.empty()) write_output(o.json, [&](std::ostream& out) { write_collective_json(result, out); });
  if (!o.csv.empty()) write_output(o.csv, [&](std::ostream& out) { write_collective_csv(result, out); });
  if (!text) return;
  write_output("-", [&](std::ostream& out) {
    if (o.explain) explain(result.job, out);
    write_collective_text(result, out);
  });
}

std::vector<CollectivePoint> simulate(const CollectiveJob& job, const CommandOptions& o) {
  if (o.trace.empty()) {
    ProgressLine line{std::chrono::seconds(1)};
    return simulate_collectives(
        job, [&line](std::size_t done, std::size_t all) { line.show(fmt::format("simulated {} of {}", done, all)); });
  }
  const CollectiveTimeline timeline = trace_collective(job);
  write_output(o.trace, [&](std::ostream& out) { write_whole_trace(timeline.result, out); });
  return {timeline.point};
}

Exit report(const CollectiveResult& result, const CommandOptions& o, bool text) {
  write_outputs(result, o, text);
  std::int64_t wrong = 0;
  for (const CollectivePoint& point : result.points) wrong += point.measured ? point.measured->wrong_elements : 0;
  if (wrong == 0) return Exit::done;
  fmt::print(stderr, "rehearse: {} elements came out wrong\n", wrong);
  return Exit::fault;
}

Exit collective(const CommandOptions& o, MpiSession* session) {
  const auto begin = std::chrono::steady_clock::now();
  const bool text = !stdout_taken(o.outputs()) && !o.quiet;
  Value mapping = job_mapping(o);
  if (session != nullptr && mapping.find("ranks") == nullptr)
    mapping["ranks"] = scalar_value(std::int64_t{session->ranks()});
  CollectiveResult result{read_collective_job(std::move(mapping), o.settings), {}, {}};
  if (!o.trace.empty()) check_single(result.job);
  check_outputs(o.outputs());
  std::vector<ExecutedWay> executed;
  if (o.execute) {
    check_execution(result.job, session);
    executed = execute_collectives(result.job, session, o.repetitions);
  }
  if (session != nullptr && session->rank() != 0) return Exit::done;
  result.points = simulate(result.job, o);
  add_measurements(executed, result.points);
  result.wall = Seconds(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  return report(result, o, text);
}

/// Under MPI one process speaks for all: what is wrong is wrong everywhere. It speaks after MPI has ended in order.
Exit run(const CommandOptions& o) {
  if (!o.execute || !started_by_mpi()) return collective(o, nullptr);
  std::optional<InputError> error;
  {
    MpiSession session;
    try {
      return collective(o, &session);
    } catch (const InputError& e) {
      if (session.rank() == 0) error = e;
    }
  }
  if (error) throw InputError(*error);
  return Exit::bad_input;
}

}  // namespace

void add_collective_command(CLI::App& app, Exit& status) {
  CLI::App* command = app.add_subcommand("collective", "simulate a collective over sizes, as nccl-tests measures it");
  const auto o = std::make_shared<CommandOptions>();
  for (std::size_t i = 0; i < job_options.size(); ++i)
    command->add_option(job_options[i].name, o->job[i], job_options[i].help)->check(not_empty("a value"));
  command->add_option("--set", o->settings, "KEY=VALUE laid over the cluster: --set fabric.oversubscription=2")
      ->allow_extra_args(false);
  command->add_option("--json", o->json, "write the results as JSON (- is standard output)")
      ->check(not_empty("a value"));
  command->add_option("--csv", o->csv, "write the results as a table")->check(not_empty("a value"));
  command->add_option("--trace", o->trace, "write a timeline of one collective for https://ui.perfetto.dev")
      ->check(not_empty("a value"));
  command->add_flag("--explain", o->explain, "for each size what was to choose from, and why the quickest is");
  command->add_flag("--execute", o->execute,
                    "carry it out on real numbers as well: by threads, or under mpirun by its processes");
  command->add_option("--repetitions", o->repetitions, "of --execute (default 20)")->check(CLI::Range(1, 1'000'000));
  command->add_flag("-q,--quiet", o->quiet, "no report on standard output");
  command->callback([o, &status] { status = run(*o); });
}

}  // namespace rehearse
