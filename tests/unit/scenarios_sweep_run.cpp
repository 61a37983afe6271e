// Sweeps: who works, what dies, and what is on disk.
#include <doctest/doctest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "engine/base/csv.hpp"
#include "engine/base/error.hpp"
#include "reports/sweep_report.hpp"
#include "scenarios/sweep_journal.hpp"
#include "tests/support/sweep_study.hpp"

using namespace rehearse;
using rehearse::testing::StudyFile;

namespace {

constexpr const char* small_study =
    "base:\n  model: {layers: 4, hidden: 256, heads: 8, vocab: 1024, seq_len: 128}\n"
    "  cluster: {node: dgx-a100, nodes: 1}\n  plan: {global_batch: 8}\n"
    "axes: {plan.tensor: [1, 2, 3, none, 4]}\n";

std::string csv(const Sweep& sweep, std::vector<SweepRow> rows) {
  std::ostringstream out;
  write_sweep_csv({sweep, std::move(rows)}, out);
  return out.str();
}

std::vector<SweepRow> run(
    const Sweep& sweep, std::size_t workers, const SweepRows& known = {},
    const TakeRow& take = [](std::size_t, const SweepRow&) {}) {
  return run_sweep(sweep, *local_crew(workers), known, take);
}

std::string content(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// A crew whose work is `work`, in the order of tasks "0", "1", ...
std::vector<WorkerAnswer> carry_out(std::size_t count, const TaskWork& work) {
  std::vector<WorkerAnswer> answers(count);
  local_crew(2)->carry_out(
      {{}, count, [](std::size_t i) { return std::to_string(i); }, [&](const std::string&) { return work; }},
      [&](std::size_t i, WorkerAnswer answer) { answers[i] = std::move(answer); });
  return answers;
}

}  // namespace

TEST_CASE("crew: a task whose process dies is begun once more, and then its answer says so") {
  const StudyFile folder("");
  const auto answers = carry_out(5, [&](const std::string& task) -> std::string {
    std::ofstream(folder.folder() / task, std::ios::app) << "x";
    const bool first = content(folder.folder() / task).size() == 1;
    if (task == "1" && first) ::raise(SIGKILL);
    if (task == "2") ::raise(SIGKILL);
    if (task == "3") throw std::runtime_error("thrown");
    return "did " + task;
  });
  CHECK(answers[0].text == "did 0");
  CHECK(answers[1].text == "did 1");  // killed once
  CHECK(answers[2].died);
  CHECK(answers[2].text == "the process was killed: Killed");
  CHECK_FALSE(answers[3].done);
  CHECK_FALSE(answers[3].died);
  CHECK(answers[4].text == "did 4");
  CHECK(content(folder.folder() / "1") == "xx");
  CHECK(content(folder.folder() / "2") == "xx");  // not for ever
  CHECK(content(folder.folder() / "3") == "x");   // what it threw it would throw again
}

TEST_CASE("sweep: rows in the order of the study, the same whatever the number of workers") {
  const Sweep sweep = StudyFile(small_study).load();
  const std::string table = csv(sweep, run(sweep, 1));
  CHECK(csv(sweep, run(sweep, 3)) == table);
  const CsvTable read = parse_csv(table, "t.csv");
  REQUIRE(read.rows.size() == 5);
  const auto cell = [&](std::size_t row, const char* column) { return read.rows[row].cells[*read.find(column)]; };
  CHECK(cell(1, "plan.tensor") == "2");
  CHECK(cell(1, "status") == "ok");
  CHECK(std::stod(cell(1, "iteration_time_s")) > 0);
  CHECK(cell(2, "status") == "plan cannot run");
  CHECK(cell(2, "iteration_time_s").empty());
  CHECK(cell(3, "status") == "bad input");
  CHECK(cell(3, "reason") == "plan.tensor: expected a whole number, found 'none'");
  CHECK_FALSE(read.find("wall_s"));
}

TEST_CASE("sweep: earlier rows are known by what they simulated") {
  const StudyFile file(small_study);
  const Sweep sweep = file.load();
  const std::vector<SweepRow> rows = run(sweep, 2);
  std::map<std::string, SweepRow> earlier;
  for (const SweepRow& row : rows) earlier[row.fingerprint] = row;
  CHECK(earlier.size() == rows.size());
  const auto known = [&](const std::string& text) {
    std::vector<std::size_t> points;
    const Sweep other = StudyFile(text).load();
    for (const auto& [index, row] : rows_of_points(other, *local_crew(1), earlier)) points.push_back(index);
    return points;
  };
  std::string text = small_study;
  CHECK(known(text) == std::vector<std::size_t>{0, 1, 2, 3, 4});
  text.replace(text.find("[1, 2, 3, none, 4]"), 18, "[8, 4, 1]");
  CHECK(known(text) == std::vector<std::size_t>{1, 2});  // at other places
  text.replace(text.find("hidden: 256"), 11, "hidden: 512");
  CHECK(known(text).empty());
}

TEST_CASE("sweep: the journal has whole rows, whatever is behind them") {
  const StudyFile file(small_study);
  const Sweep sweep = file.load();
  const std::string table = file.folder() / "t.csv", part = table + ".part";
  const std::vector<SweepRow> rows = run(sweep, 1);
  SweepJournal journal(sweep, table);
  CHECK(journal.earlier_rows().empty());
  journal.begin({{1, rows[1]}});
  journal.add(0, rows[0]);
  journal.add(3, {SweepRow::Status::fault, "the process was killed: Killed", "", {}});
  const std::string whole = content(part);
  const auto earlier = journal.earlier_rows();
  CHECK(earlier.size() == 2);  // not the fault
  CHECK(earlier.at(rows[0].fingerprint).figures == rows[0].figures);
  journal.add(2, rows[2]);
  const std::string longer = content(part);
  for (std::size_t size = whole.size(); size < longer.size(); ++size) {  // torn anywhere in the last row
    std::ofstream(part, std::ios::binary) << longer.substr(0, size);
    REQUIRE(journal.earlier_rows().size() == 2);
  }
  std::ofstream(part, std::ios::binary) << longer;
  CHECK(journal.earlier_rows().size() == 3);
  journal.end();
  CHECK_FALSE(std::filesystem::exists(part));
  std::ofstream(table) << "size,time\n1,2\n";
  CHECK_THROWS_AS(static_cast<void>(journal.earlier_rows()), InputError);
}
