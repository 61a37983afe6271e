// Study: a table of measurements and the simulation that each of its rows asks for (docs/validate.md).
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/csv.hpp"
#include "scenarios/study_base.hpp"
#include "scenarios/study_figures.hpp"
#include "scenarios/study_filter.hpp"
#include "scenarios/study_statistics.hpp"
#include "scenarios/worker_pool.hpp"

namespace rehearse {

/// A column whose cells are values of a key: of the collective, or a dotted path into the scenario or kernel.
struct StudyColumn {
  std::string name;
  std::string key;               ///< empty where `values` have their own
  std::size_t at = 0;            ///< in the table
  std::optional<double> factor;  ///< the cell is a number, multiplied by this
  std::string unit;              ///< written behind the cell; may be empty
  /// What may stand in the cell, and what it means; empty: the cell is the value.
  std::vector<std::pair<std::string, std::vector<Setting>>> values;
  std::string file;  ///< of the study
  int line = 0;
};

/// What was measured: a figure of the simulation, in a unit.
struct StudyMeasured {
  enum class Take : std::uint8_t { least, mean, most };
  std::vector<std::size_t> columns;
  std::string names;  ///< of these
  Take take = Take::least;
  const StudyFigure* figure = nullptr;
  std::string unit;   ///< as it is printed; may be empty
  double factor = 1;  ///< what one of the table is in SI
};

/// A column that says again what was simulated: a figure, or a dotted path into what is simulated, as resolved.
struct StudyCheck {
  std::string name, key;
  const StudyFigure* figure = nullptr;  ///< null: the key is a path
  std::size_t at = 0;
  double factor = 1;
  double within = 0;  ///< share by which they may differ
  std::string file;   ///< of the study
  int line = 0;
};

/// Rows of one table that are simulated alike.
struct StudyPart {
  std::string name;  ///< may be empty where it is the only one
  std::shared_ptr<const CsvTable> table;
  const StudyBase* base = nullptr;  ///< of study_bases()
  Value from;                       ///< its value; a scenario's name may have {COLUMN} in it
  RowFilter where;
  std::vector<StudyColumn> columns;
  Value set;
  StudyMeasured measured;
  std::vector<StudyCheck> checks;
  std::vector<std::size_t> shown;  ///< columns that say what a row is, as they stand in the table
};

/// A row to simulate.
struct StudyRow {
  std::size_t part = 0;
  const CsvRow* row = nullptr;  ///< of the part's table
  double measured = 0;          ///< in the unit of the table
  StudyRun run;
};

struct StudyGroup {
  std::string name;
  RowFilter where;
};

/// What has to hold for a summary.
struct StudyLimit {
  std::string summary;
  std::string statistic;  ///< "mean_absolute_error", ...; see docs/validate.md
  double most = 0;        ///< a share; of `rows` the least number
};

struct Study {
  std::string file, name, description;
  std::vector<StudyPart> parts;
  std::vector<StudyGroup> groups;
  std::vector<StudyLimit> limits;
  std::vector<StudyRow> rows;  ///< by part, then as in the table
};

inline constexpr const char* all_rows = "all";  ///< the summary of a whole study

/// Reads a study with its tables, and every row's scenario or collective. `table`: a file that stands for the study's,
/// to which its limits then do not apply; empty: none does. Throws InputError with all faults.
Study load_study(const std::string& file, const std::string& table = {});

struct StudyPoint {
  enum class State : std::uint8_t { compared, cannot_run, failed };
  State state = State::failed;
  std::string reason;              ///< why it cannot run, or how it failed
  double predicted = 0;            ///< in the unit of the table
  ComparedTimes times;             ///< where it was compared
  std::string way;                 ///< of a collective: algorithm, protocol, channels
  std::vector<std::string> wrong;  ///< checks that do not hold
};

struct StudySummary {
  std::string name;
  std::size_t rows = 0, cannot_run = 0, failed = 0;
  ErrorStatistics errors;  ///< of those that were compared
};

struct StudyResult {
  std::shared_ptr<const Study> study;
  std::vector<StudyPoint> points;       ///< one for each row
  std::vector<StudySummary> summaries;  ///< parts where there are several, groups, all
  std::vector<std::string> exceeded;    ///< limits that do not hold, and failures and wrong rows
};

/// Each row in a process of its own.
StudyResult run_study(std::shared_ptr<const Study> study, std::size_t workers, const WorkProgress& progress = {});

}  // namespace rehearse
