// Studies: tables, workers, statistics. What the program makes of whole studies is in tests/cli/validate.py.
#include <doctest/doctest.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/base/csv.hpp"
#include "engine/base/error.hpp"
#include "scenarios/study_figures.hpp"
#include "scenarios/study_filter.hpp"
#include "scenarios/study_statistics.hpp"
#include "scenarios/worker_pool.hpp"

using namespace rehearse;

namespace {

std::string faults_of(const std::string& csv) {
  try {
    parse_csv(csv, "t.csv");
  } catch (const InputError& error) {
    return error.what();
  }
  return {};
}

const CsvTable sizes = parse_csv("run,bytes\na,8\nb,64\na,1048576\nc,1e9\n", "t.csv");

/// The lines of `sizes` that a filter takes; what is wrong with the filter instead.
std::string lines_taken(const std::string& yaml) {
  Reader reader(parse_yaml(yaml, "s.yaml"), "filter");
  const RowFilter filter = read_row_filter(reader, &sizes);
  try {
    reader.finish();
  } catch (const InputError& error) {
    return error.what();
  }
  std::string lines;
  for (const CsvRow& row : sizes.rows)
    if (matches(filter, sizes, row)) lines += std::to_string(row.line) + " ";
  return lines;
}

}  // namespace

TEST_CASE("CSV: comments, quotes, line ends and line numbers") {
  const CsvTable table = parse_csv(
      "\xEF\xBB\xBF# a comment, with \"quotes\"\r\n\r\nname,value\r\n# another\n\"a, \"\"b\"\"\",1\n"
      "\"two\nlines\",2\r\n,\"\"",
      "t.csv");
  CHECK(table.columns == std::vector<std::string>{"name", "value"});
  REQUIRE(table.rows.size() == 3);
  CHECK(table.rows[0].cells == std::vector<std::string>{"a, \"b\"", "1"});
  CHECK(table.rows[1].cells == std::vector<std::string>{"two\nlines", "2"});
  CHECK(table.rows[2].cells == std::vector<std::string>{"", ""});
  CHECK(table.rows[0].line == 5);
  CHECK(table.rows[1].line == 6);
  CHECK(table.rows[2].line == 8);
  CHECK(table.find("value") == 1);
  CHECK_FALSE(table.find("Value"));
}

TEST_CASE("CSV: what is written reads back") {
  for (const std::string text : {"plain", "a,b", "say \"so\"", "two\nlines", "# no comment", "", " spaces "}) {
    const CsvTable table = parse_csv("a,b\n" + csv_cell(text) + ",x\n", "t.csv");
    REQUIRE(table.rows.size() == 1);
    CHECK(table.rows[0].cells[0] == text);
  }
}

TEST_CASE("CSV: faults have their lines, all together") {
  CHECK(faults_of("a,b,a\n1,2\n1,2,3\n\n1,2,3,4\n") ==
        "t.csv:1: two columns are called 'a'\nt.csv:2: 2 cells; expected 3\nt.csv:5: 4 cells; expected 3");
  CHECK(faults_of("a,,b\n") == "t.csv:1: column 2 has no name");
  CHECK(faults_of("# nothing else\n") == "t.csv: an empty table; expected a line of column names");
  CHECK(faults_of("a\n1\n\"x\ny\n") == "t.csv:3: a quote that is never closed");
  CHECK(faults_of("a\n\"x\"y\n") == "t.csv:2: expected a comma after \"x\"");
  CHECK(faults_of("a\n") == "");
  CHECK(faults_of("a;b\n1;2\n") ==
        "t.csv:1: no comma between column names, but a semicolon; expected commas between cells");
  CHECK(faults_of("# c\na\tb\n1\t2\n") ==
        "t.csv:2: no comma between column names, but a tab; expected commas between cells");
  CHECK(faults_of("a,b\r1,2\r") == "t.csv:1: a carriage return within a line; expected lines that end in LF or CR LF");
  CHECK(faults_of(std::string("a,b\0,c\n", 7)) == "t.csv: no table: expected UTF-8 text");
  CHECK_THROWS_WITH_AS(load_csv("/nowhere.csv"), "/nowhere.csv: cannot read: No such file or directory", InputError);
  CHECK_THROWS_WITH_AS(load_csv("/"), "/: cannot read: Is a directory", InputError);
}

TEST_CASE("filters take the rows that meet all conditions") {
  CHECK(lines_taken("{}") == "2 3 4 5 ");
  CHECK(lines_taken("{run: a}") == "2 4 ");
  CHECK(lines_taken("{run: [b, c]}") == "3 5 ");
  CHECK(lines_taken("{bytes: 8.0}") == "2 ");
  CHECK(lines_taken("{bytes: {at_least: 8, below: 1 MiB}}") == "2 3 ");
  CHECK(lines_taken("{bytes: {above: 8, at_most: 1 MiB}}") == "3 4 ");
  CHECK(lines_taken("{run: a, bytes: {at_least: 1 MiB}}") == "4 ");
  CHECK(lines_taken("{run: null}") == "2 3 4 5 ");
}

TEST_CASE("filters that make no sense are faults") {
  CHECK(lines_taken("{byte: 8}") == "s.yaml:1: byte: unknown column 'byte'; did you mean 'bytes'? one of: run, bytes");
  CHECK(lines_taken("{bytes: {at_leat: 8}}") ==
        "s.yaml:1: bytes.at_leat: unknown key; did you mean 'at_least'? the filter takes here: at_least, above, "
        "at_most, below");
  CHECK(lines_taken("{bytes: {below: large}}") ==
        "s.yaml:1: bytes.below: expected a number, or a size, e.g. '1 MiB'; found 'large'");
  CHECK(lines_taken("{run: {below: 8}}") == "s.yaml:1: run: a range needs numbers; line 2 of t.csv has 'a'");
  CHECK(lines_taken("{bytes: []}").find("bytes: expected a value, a list of values, or a range") != std::string::npos);
  CHECK(lines_taken("8").find("expected a mapping of columns") != std::string::npos);
}

TEST_CASE("units of figures") {
  CHECK(figure_unit(*study_figures().find("time"), "us") == doctest::Approx(1e-6));
  CHECK(figure_unit(*study_figures().find("tflops_per_gpu"), "TFLOP/s") == 1e12);
  CHECK(figure_unit(*study_figures().find("busbw"), "GB/s") == 1e9);
  CHECK_THROWS_AS(figure_unit(*study_figures().find("time"), "GB/s"), std::invalid_argument);
  CHECK_THROWS_AS(figure_unit(*study_figures().find("samples_per_s"), "us"), std::invalid_argument);
}

TEST_CASE("statistics of errors by hand") {
  // Errors +10 %, -20 %, +4 %, 0.
  const std::vector<ComparedTimes> rows{{110, 100}, {160, 200}, {312, 300}, {400, 400}};
  const ErrorStatistics e = error_statistics(rows);
  CHECK(e.rows == 4);
  CHECK(e.mean_absolute == doctest::Approx(0.085));
  CHECK(e.median_absolute == doctest::Approx(0.07));
  CHECK(e.percentile_95 == doctest::Approx(0.1 + 0.85 * 0.1));  // at 0.95 * 3 = 2.85
  CHECK(e.largest == doctest::Approx(0.2));
  CHECK(e.bias == doctest::Approx(-0.015));
  CHECK(e.within_5 == 0.5);
  CHECK(e.within_10 >= 0.5);
  CHECK(e.within_20 >= 0.75);
  CHECK(e.rank_correlation.value() == doctest::Approx(1));
}

TEST_CASE("rank correlation: reversed, with ties, and where there is none") {
  const auto correlation = [](const std::vector<ComparedTimes>& rows) {
    return error_statistics(rows).rank_correlation;
  };
  CHECK(correlation({{3, 1}, {2, 2}, {1, 3}}).value() == doctest::Approx(-1));
  // Places 0, 1.5, 1.5, 3 and 0, 1, 2, 3: 4.5 / sqrt(4.5 * 5).
  CHECK(correlation({{1, 1}, {2, 2}, {2, 3}, {3, 4}}).value() == doctest::Approx(std::sqrt(0.9)));
  CHECK_FALSE(correlation({{1, 1}}));
  CHECK_FALSE(correlation({{1, 1}, {1, 2}}));
  CHECK_FALSE(correlation({}));
}

TEST_CASE("workers answer in order, however many there are") {
  for (const std::size_t workers : {std::size_t{0}, std::size_t{1}, std::size_t{3}, std::size_t{100}}) {
    std::size_t last = 0;
    const auto answers = run_in_workers(
        20, workers,
        [](std::size_t i) {
          ::usleep(static_cast<useconds_t>(1000 * (20 - i)));
          return std::to_string(i * i);
        },
        [&](std::size_t done, std::size_t all) {
          CHECK(done > last);
          CHECK(all == 20);
          last = done;
        });
    CHECK(last == 20);
    REQUIRE(answers.size() == 20);
    for (std::size_t i = 0; i < 20; ++i) {
      CHECK(answers[i].done);
      CHECK(answers[i].text == std::to_string(i * i));
    }
  }
  CHECK(run_in_workers(0, 4, [](std::size_t) { return std::string("never"); }).empty());
}

TEST_CASE("workers send more than a pipe holds, any bytes, or nothing") {
  const auto answers = run_in_workers(3, 3, [](std::size_t i) {
    return i == 0 ? std::string() : std::string(i * 3'000'000, static_cast<char>(i - 1));
  });
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(answers[i].done);
    CHECK(answers[i].text == std::string(i * 3'000'000, i == 2 ? '\1' : '\0'));
  }
}

TEST_CASE("a worker that comes to grief says how, and the others go on") {
  const auto answers = run_in_workers(6, 2, [](std::size_t i) -> std::string {
    if (i == 1) throw std::runtime_error("no such luck");
    if (i == 2) ::raise(SIGKILL);
    if (i == 3) ::_exit(7);
    if (i == 4) throw std::bad_alloc();
    return "fine";
  });
  CHECK(answers[0].text == "fine");
  CHECK(answers[5].done);
  for (std::size_t i = 1; i < 5; ++i) CHECK_FALSE(answers[i].done);
  CHECK(answers[1].text == "no such luck");
  CHECK(answers[2].text == "the process was killed: Killed");
  CHECK(answers[3].text == "the process ended with status 7 and without an answer");
  CHECK(answers[4].text == "this machine has not enough memory for it");
}

TEST_CASE("an exception of the caller ends the workers") {
  const auto stop = [](std::size_t, std::size_t) { throw std::runtime_error("stop"); };
  const auto work = [](std::size_t i) {
    if (i > 0) ::sleep(1000);
    return std::string();
  };
  CHECK_THROWS_WITH_AS(run_in_workers(4, 4, work, stop), "stop", std::runtime_error);
}

TEST_CASE("signals that are caught do not disturb the workers") {
  struct sigaction ignore {
  }, before{};
  ignore.sa_handler = [](int) {};  // without SA_RESTART: poll, read and waitpid are interrupted
  ::sigaction(SIGUSR1, &ignore, &before);
  const pid_t caller = ::getpid();
  const auto answers = run_in_workers(8, 4, [caller](std::size_t) {
    for (int k = 0; k < 50; ++k) {
      ::kill(caller, SIGUSR1);
      ::usleep(200);
    }
    return std::string(100'000, 'x');
  });
  ::sigaction(SIGUSR1, &before, nullptr);
  for (const WorkerAnswer& answer : answers) CHECK(answer.text == std::string(100'000, 'x'));
}
