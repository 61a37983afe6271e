// rehearse validate: predictions against a table of measurements.
#include <cstdio>
#include <filesystem>
#include <memory>
#include <set>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/commands.hpp"
#include "cli/outputs.hpp"
#include "cli/progress.hpp"
#include "engine/base/error.hpp"
#include "engine/base/output.hpp"
#include "reports/validation_report.hpp"
#include "scenarios/study.hpp"

namespace rehearse {

namespace {

struct ValidateOptions {
  std::vector<std::string> studies;
  std::string table, json, csv;
  std::size_t workers = processor_count();
  bool summary = false, markdown = false, quiet = false;
};

/// A study that is given twice would count twice.
void check_given_once(const std::vector<std::string>& studies) {
  std::set<std::filesystem::path> given;
  for (const std::string& file : studies) {
    std::error_code error;
    if (!given.insert(std::filesystem::weakly_canonical(file, error)).second)
      throw InputError(fmt::format("{}: given twice", file));
  }
}

/// All studies, or the faults of all.
std::vector<std::shared_ptr<const Study>> load(const ValidateOptions& o) {
  std::vector<std::shared_ptr<const Study>> studies;
  std::vector<Fault> faults;
  for (const std::string& file : o.studies) try {
      studies.push_back(std::make_shared<const Study>(load_study(file, o.table)));
    } catch (const InputError& error) {
      add_faults(faults, error);
    }
  if (!faults.empty()) throw InputError(std::move(faults));
  return studies;
}

void write_outputs(const std::vector<StudyResult>& results, const ValidateOptions& o, bool text) {
  if (!o.json.empty()) write_output(o.json, [&](std::ostream& out) { write_validation_json(results, out); });
  if (!o.csv.empty()) write_output(o.csv, [&](std::ostream& out) { write_validation_csv(results, out); });
  const ValidationText look{!o.summary, o.markdown};
  if (text) write_output("-", [&](std::ostream& out) { write_validation_text(results, out, look); });
}

Exit validate(const ValidateOptions& o) {
  const std::vector<OutputOption> outputs{{"--json", o.json}, {"--csv", o.csv}};
  const bool text = !stdout_taken(outputs) && !o.quiet;
  if (!o.table.empty() && o.studies.size() > 1) throw InputError("--table stands for the table of one study");
  check_given_once(o.studies);
  check_outputs(outputs);
  std::vector<StudyResult> results;
  for (const std::shared_ptr<const Study>& study : load(o)) {
    ProgressLine line;
    results.push_back(run_study(study, o.workers, [&](std::size_t done, std::size_t all) {
      line.show(fmt::format("{}: {} of {} rows", study->name, done, all));
    }));
  }
  write_outputs(results, o, text);
  Exit status = Exit::done;
  for (const StudyResult& result : results)
    for (const std::string& reason : result.exceeded) {
      fmt::print(stderr, "rehearse: {}\n", reason);
      status = Exit::fault;
    }
  return status;
}

}  // namespace

void add_validate_command(CLI::App& app, Exit& status) {
  CLI::App* command = app.add_subcommand("validate", "compare predictions with a table of measurements");
  const auto o = std::make_shared<ValidateOptions>();
  command->add_option("study", o->studies, "YAML files: see docs/validate.md")->required();
  command->add_option("--table", o->table, "a CSV file that stands for the study's own")->check(not_empty());
  command->add_option("--json", o->json, "write rows and statistics as JSON (- is standard output)")
      ->check(not_empty());
  command->add_option("--csv", o->csv, "write the rows as a table")->check(not_empty());
  command->add_option("-j,--jobs", o->workers, "simulations at a time (default: as many as there are processors)")
      ->check(CLI::Range(1, 4096));
  command->add_flag("--summary", o->summary, "statistics alone, without the rows");
  command->add_flag("--markdown", o->markdown, "tables in Markdown");
  command->add_flag("-q,--quiet", o->quiet, "no report on standard output");
  command->callback([o, &status] { status = validate(*o); });
}

}  // namespace rehearse
