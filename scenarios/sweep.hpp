// Sweep: a base scenario and what is changed about it, simulated at every point (docs/sweep.md).
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "engine/base/document.hpp"
#include "scenarios/crew.hpp"

namespace rehearse {

/// One of the choices of a dimension.
struct SweepChoice {
  std::vector<std::string> cells;  ///< one for each column of the dimension, each of one line
  std::vector<Setting> settings;   ///< laid over the base
};

/// What goes together: an axis of a grid, all axes of a zip, a list of cases.
struct SweepDimension {
  std::vector<std::string> columns;
  std::vector<SweepChoice> choices;  ///< at least one
};

struct SweepPoint {
  std::vector<std::string> cells;  ///< one for each column of the sweep
  std::vector<Setting> settings;   ///< laid over the base
};

struct Sweep {
  std::string file, name, description;
  Value base;                              ///< a scenario's YAML with its bases and the settings of all points
  std::vector<SweepDimension> dimensions;  ///< every combination is a point
  std::vector<std::string> shown;          ///< figures of the table for people; empty: the usual ones

  /// Number of points; the largest number there is where it would be larger.
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::vector<std::string> columns() const;
  /// The choice of the last dimension goes quickest. `index` is below `size()`.
  [[nodiscard]] SweepPoint point(std::size_t index) const;
};

struct SweepOptions {
  std::vector<std::string> settings;  ///< KEY=VALUE, laid over the base
  bool large = false;                 ///< more points than `large_sweep` are meant
};
inline constexpr std::size_t large_sweep = 1'000'000;

/// Reads a study by catalogue name or path. Throws InputError with all faults: of form, keys that no point's scenario
/// has, and what is wrong with every point alike. What is wrong with some points is found when they run.
Sweep load_sweep(const std::string& name_or_path, const SweepOptions& options = {});

/// What came of a point.
struct SweepRow {
  enum class Status : std::uint8_t { ok, cannot_run, bad_input, fault };
  Status status = Status::fault;
  std::string reason;                ///< in one line; empty where it is ok
  std::string fingerprint;           ///< of the program's version and of the point's scenario; empty after a crash
  std::vector<std::string> figures;  ///< texts of figures_of_results(); empty where it is not ok
};

/// Besides the figures of results: tensor, pipeline and data communication together.
inline constexpr const char* exposed_comm_figure = "exposed_comm_s";
/// The figure of a row that is ok, by its name; exposed_comm_figure too.
double figure_of(const SweepRow& row, const std::string& name);

/// "ok", "plan cannot run", "bad input", "fault".
const char* status_name(SweepRow::Status status);

/// The heading of a table of rows, and a row of it: index, columns of the study, figures, status, reason, fingerprint.
std::vector<std::string> sweep_heading(const Sweep& sweep);
std::vector<std::string> sweep_cells(const Sweep& sweep, std::size_t index, const SweepRow& row);

struct SweepResult {
  Sweep sweep;
  std::vector<SweepRow> rows;  ///< by index
  [[nodiscard]] std::size_t count(SweepRow::Status status) const;
};

using SweepRows = std::map<std::size_t, SweepRow>;  ///< by index
using TakeRow = std::function<void(std::size_t index, const SweepRow& row)>;

/// What a member of a crew does for a sweep.
MakeWork sweep_work();

/// The rows that are not in `known`, each handed to `take` as it comes; then all of them by index, whoever came first.
std::vector<SweepRow> run_sweep(const Sweep& sweep, Crew& crew, const SweepRows& known, const TakeRow& take);

/// Those of `rows` (by fingerprint, of an earlier run) that are of points of this sweep as they would be simulated now.
SweepRows rows_of_points(const Sweep& sweep, Crew& crew, const std::map<std::string, SweepRow>& rows);

}  // namespace rehearse
