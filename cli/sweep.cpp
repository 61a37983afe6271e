// rehearse sweep: a base scenario at every point of a study.
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/outputs.hpp"
#include "cli/progress.hpp"
#include "engine/base/output.hpp"
#include "platforms/calibrate/progress_bar.hpp"
#include "reports/sweep_report.hpp"
#include "scenarios/sweep.hpp"
#include "scenarios/sweep_journal.hpp"
#include "workloads/execution/mpi_session.hpp"

namespace rehearse {

namespace {

struct SweepCommandOptions {
  std::string study, json, csv;
  std::vector<std::string> settings;
  std::size_t workers = 0;  ///< 0: not given
  bool resume = false, yes = false, quiet = false;

  [[nodiscard]] std::vector<OutputOption> outputs() const { return {{"--json", json}, {"--csv", csv}}; }
};

/// Whether rows can be kept on disk as they come: not of standard output, a pipe or a device.
bool has_journal(const SweepCommandOptions& o) {
  if (o.csv.empty() || o.csv == "-") return false;
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(o.csv, error);
  return !std::filesystem::exists(status) || std::filesystem::is_regular_file(status);
}

/// Counts rows and draws the bar, at most ten times a second.
class SweepProgress {
 public:
  SweepProgress(std::size_t all, std::size_t known) : all_(all), known_(known), width_(terminal_width()) {}

  void add() {
    ++fresh_;
    const auto now = std::chrono::steady_clock::now();
    if (width_ == 0 || now < next_) return;
    next_ = now + std::chrono::milliseconds(100);
    line_.show(progress_bar(known_ + fresh_, all_, fresh_, now - begin_, width_));
  }

 private:
  std::size_t all_, known_, width_, fresh_ = 0;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now(), next_ = begin_;
  ProgressLine line_;
};

/// The rows, those of an earlier run among them; each is in the journal as soon as it is there.
std::vector<SweepRow> rows_of(const Sweep& sweep, Crew& crew, SweepJournal* journal, bool resume) {
  SweepRows known;
  if (resume) known = rows_of_points(sweep, crew, journal->earlier_rows());
  if (journal != nullptr) journal->begin(known);
  SweepProgress progress(sweep.size(), known.size());
  return run_sweep(sweep, crew, known, [&](std::size_t index, const SweepRow& row) {
    if (journal != nullptr) journal->add(index, row);
    progress.add();
  });
}

void write_outputs(const SweepResult& result, const SweepCommandOptions& o, bool text) {
  if (!o.json.empty()) write_output(o.json, [&](std::ostream& out) { write_sweep_json(result, out); });
  if (!o.csv.empty()) write_output(o.csv, [&](std::ostream& out) { write_sweep_csv(result, out); });
  if (text) write_output("-", [&](std::ostream& out) { write_sweep_text(result, out); });
}

Exit sweep(const SweepCommandOptions& o, Crew& crew) {
  const bool text = !stdout_taken(o.outputs()) && !o.quiet;
  std::vector<Fault> faults;
  const auto collect = [&](const auto& check) {
    try {
      check();
    } catch (const InputError& error) {
      add_faults(faults, error);
    }
  };
  SweepResult result;
  collect([&] { check_outputs(o.outputs()); });
  collect([&] {
    if (o.resume && !has_journal(o)) throw InputError("--resume goes on with a table: give its file with --csv");
  });
  collect([&] { result.sweep = load_sweep(o.study, {o.settings, o.yes}); });
  if (!faults.empty()) throw InputError(std::move(faults));
  std::optional<SweepJournal> journal;
  if (has_journal(o)) journal.emplace(result.sweep, o.csv);
  result.rows = rows_of(result.sweep, crew, journal ? &*journal : nullptr, o.resume);
  write_outputs(result, o, text);
  if (journal) journal->end();
  return Exit::done;
}

/// Under MPI rank 0 reads, writes and prints; the others work. It says what is wrong after MPI has ended in order.
Exit run(const SweepCommandOptions& o) {
  const std::size_t workers = o.workers > 0 ? o.workers : processor_count();
  if (!started_by_mpi()) return sweep(o, *local_crew(workers));
  std::optional<InputError> error;
  {
    MpiSession session;
    if (session.rank() != 0) {
      serve_crew(session, sweep_work());
      return Exit::done;
    }
    try {
      const std::unique_ptr<Crew> crew = session.ranks() > 1 ? mpi_crew(session) : local_crew(workers);
      if (session.ranks() > 1 && o.workers > 0)
        throw InputError("-j is of workers on this machine; under MPI its ranks are the workers");
      return sweep(o, *crew);
    } catch (const InputError& e) {
      error = e;
    }
  }
  throw InputError(*error);
}

}  // namespace

void add_sweep_command(CLI::App& app, Exit& status) {
  CLI::App* command = app.add_subcommand("sweep", "simulate a scenario at every point of a study");
  const auto o = std::make_shared<SweepCommandOptions>();
  command->add_option("study", o->study, "a YAML file, or a name from scenarios/studies/: see docs/sweep.md")
      ->required();
  command->add_option("--set", o->settings, "KEY=VALUE laid over the base: --set plan.micro_batch=2")
      ->allow_extra_args(false);
  command->add_option("-j", o->workers, "simulations at a time (default: as many as there are processors)")
      ->check(CLI::Range(1, 4096));
  command->add_option("--json", o->json, "write rows and settings as JSON (- is standard output)")->check(not_empty());
  command
      ->add_option("--csv", o->csv, "write the rows as a table; until it is whole, FILE.part has those that are done")
      ->check(not_empty());
  command->add_flag("--resume", o->resume, "keep the rows that the table, or FILE.part, has already");
  command->add_flag("--yes", o->yes, "more than a million points are meant");
  command->add_flag("-q,--quiet", o->quiet, "no report on standard output");
  command->callback([o, &status] { status = run(*o); });
}

}  // namespace rehearse
