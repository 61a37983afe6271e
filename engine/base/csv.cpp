#include "engine/base/csv.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "engine/base/error.hpp"

namespace rehearse {

namespace {

/// Goes over the text once, a record at a time.
class Scanner {
 public:
  Scanner(std::string_view text, const std::string& file) : rest_(text), file_(file) {}

  /// The next record; nothing at the end.
  std::optional<CsvRow> next() {
    skip_comments();
    if (rest_.empty()) return std::nullopt;
    CsvRow row{line_, {}};
    do row.cells.push_back(cell(row.line));
    while (take(','));
    take('\r');
    if (take('\n')) ++line_;
    return row;
  }

 private:
  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  void skip_comments() {
    while (!rest_.empty()) {
      const std::size_t end = std::min(rest_.find('\n'), rest_.size());
      const bool empty = rest_.substr(0, end).find_first_not_of(" \t\r") == std::string_view::npos;
      if (!empty && rest_.front() != '#') return;
      rest_.remove_prefix(std::min(end + 1, rest_.size()));
      ++line_;
    }
  }

  std::string cell(int first_line) {
    if (take('"')) return quoted_cell(first_line);
    std::size_t end = std::min(rest_.find_first_of(",\n"), rest_.size());
    std::string_view text = rest_.substr(0, end);
    if (text.ends_with('\r') && (end == rest_.size() || rest_[end] == '\n')) text.remove_suffix(1);
    rest_.remove_prefix(text.size());
    return std::string(text);
  }

  std::string quoted_cell(int first_line) {
    std::string text;
    while (!rest_.empty()) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"' && !take('"')) return after_quotes(std::move(text));
      if (c == '\n') ++line_;
      text += c;
    }
    throw InputError({Fault{file_, first_line, {}, "a quote that is never closed"}});
  }

  std::string after_quotes(std::string text) const {
    if (!rest_.empty() && std::string_view(",\r\n").find(rest_.front()) == std::string_view::npos)
      throw InputError({Fault{file_, line_, {}, fmt::format("expected a comma after \"{}\"", text)}});
    return text;
  }

  std::string_view rest_;
  const std::string& file_;
  int line_ = 1;
};

/// What makes every line wrong.
void check_text(std::string_view text, const std::string& file) {
  if (text.find('\0') != std::string_view::npos)
    throw InputError({Fault{file, 0, {}, "no table: expected UTF-8 text"}});
}

/// A header that is one cell because the table keeps to other marks.
void check_marks(const CsvTable& table, int line) {
  const std::string& first = table.columns.front();
  for (const char mark : {';', '\t'})
    if (table.columns.size() == 1 && first.find(mark) != std::string::npos)
      throw InputError({Fault{table.file,
                              line,
                              {},
                              fmt::format("no comma between column names, but a {}; expected commas between cells",
                                          mark == ';' ? "semicolon" : "tab")}});
  for (const std::string& name : table.columns)
    if (name.find('\r') != std::string::npos)
      throw InputError(
          {Fault{table.file, line, {}, "a carriage return within a line; expected lines that end in LF or CR LF"}});
}

void check_columns(const CsvTable& table, int line, std::vector<Fault>& faults) {
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const std::string& name = table.columns[i];
    if (name.empty()) faults.push_back({table.file, line, {}, fmt::format("column {} has no name", i + 1)});
    if (!name.empty() && table.find(name) != i)
      faults.push_back({table.file, line, {}, fmt::format("two columns are called '{}'", name)});
  }
}

}  // namespace

std::optional<std::size_t> CsvTable::find(std::string_view column) const {
  const auto found = std::ranges::find(columns, column);
  if (found == columns.end()) return std::nullopt;
  return static_cast<std::size_t>(found - columns.begin());
}

CsvTable parse_csv(std::string_view text, const std::string& file) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  check_text(text, file);
  Scanner scanner(text, file);
  CsvTable table{file, {}, {}};
  std::optional<CsvRow> header = scanner.next();
  if (!header) throw InputError({Fault{file, 0, {}, "an empty table; expected a line of column names"}});
  table.columns = std::move(header->cells);
  check_marks(table, header->line);
  std::vector<Fault> faults;
  check_columns(table, header->line, faults);
  while (std::optional<CsvRow> row = scanner.next()) {
    if (row->cells.size() != table.columns.size())
      faults.push_back(
          {file, row->line, {}, fmt::format("{} cells; expected {}", row->cells.size(), table.columns.size())});
    table.rows.push_back(std::move(*row));
  }
  if (!faults.empty()) throw InputError(std::move(faults));
  return table;
}

CsvTable load_csv(const std::filesystem::path& path) {
  const auto fail = [&path](int reason) {
    throw InputError({Fault{path.string(), 0, {}, "cannot read: " + std::generic_category().message(reason)}});
  };
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) fail(EISDIR);
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) fail(errno);
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (in.bad()) fail(EIO);
  return parse_csv(text, path.string());
}

std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos && !text.starts_with('#')) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

std::string csv_line(const std::vector<std::string>& cells) {
  std::string out;
  for (std::size_t i = 0; i < cells.size(); ++i) out += (i > 0 ? "," : "") + csv_cell(cells[i]);
  return out + "\n";
}

}  // namespace rehearse
