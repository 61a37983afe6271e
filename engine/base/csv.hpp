// Tables as comma-separated values (RFC 4180), with lines of comments that begin with '#'.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rehearse {

struct CsvRow {
  int line = 0;  ///< where it begins, 1-based
  std::vector<std::string> cells;
};

struct CsvTable {
  std::string file;
  std::vector<std::string> columns;
  std::vector<CsvRow> rows;  ///< each with as many cells as there are columns; there may be none

  [[nodiscard]] std::optional<std::size_t> find(std::string_view column) const;
};

/// The first line that is neither empty nor a comment names the columns. Throws InputError with all faults: a row of
/// another length, a column without a name or named twice, a quote that is not closed, a file that cannot be read.
CsvTable load_csv(const std::filesystem::path& path);
CsvTable parse_csv(std::string_view text, const std::string& file);

/// A cell as it is written: in quotes where it has to be.
std::string csv_cell(const std::string& text);
/// A row of cells, with the end of its line.
std::string csv_line(const std::vector<std::string>& cells);

}  // namespace rehearse
