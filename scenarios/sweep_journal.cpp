#include "scenarios/sweep_journal.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <ostream>
#include <utility>

#include <fmt/format.h>

#include "engine/base/csv.hpp"
#include "engine/base/output.hpp"
#include "scenarios/result_figures.hpp"

namespace rehearse {

namespace {

[[noreturn]] void fail(const std::string& file, int error) {
  throw InputError(fmt::format("cannot write '{}': {}", file, std::strerror(error)));
}

/// The whole lines of a file; nothing where there is none.
std::string whole_lines(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  text.erase(text.rfind('\n') + 1);  // no cell has a line end
  return text;
}

std::optional<SweepRow::Status> status_of(const std::string& name) {
  for (const auto status :
       {SweepRow::Status::ok, SweepRow::Status::cannot_run, SweepRow::Status::bad_input, SweepRow::Status::fault})
    if (name == status_name(status)) return status;
  return std::nullopt;
}

class EarlierTable {
 public:
  explicit EarlierTable(const CsvTable& table) : table_(table) {
    for (const ResultFigure& figure : figures_of_results()) figures_.push_back(column(figure.name));
    status_ = column("status");
    reason_ = column("reason");
    fingerprint_ = column("fingerprint");
  }

  void add_to(std::map<std::string, SweepRow>& rows) const {
    for (const CsvRow& read : table_.rows) {
      const std::optional<SweepRow::Status> status = status_of(read.cells[status_]);
      if (!status || *status == SweepRow::Status::fault) continue;
      SweepRow row{*status, read.cells[reason_], read.cells[fingerprint_], {}};
      if (*status == SweepRow::Status::ok)
        for (const std::size_t figure : figures_) row.figures.push_back(read.cells[figure]);
      rows[row.fingerprint] = std::move(row);
    }
  }

 private:
  [[nodiscard]] std::size_t column(const std::string& name) const {
    if (const std::optional<std::size_t> at = table_.find(name)) return *at;
    throw InputError({Fault{table_.file, 0, {}, fmt::format("is no table of a sweep: it has no column '{}'", name)}});
  }

  const CsvTable& table_;
  std::vector<std::size_t> figures_;
  std::size_t status_ = 0, reason_ = 0, fingerprint_ = 0;
};

}  // namespace

SweepJournal::~SweepJournal() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::map<std::string, SweepRow> SweepJournal::earlier_rows() const {
  std::map<std::string, SweepRow> rows;
  for (const std::string& file : {file_, part_})
    if (const std::string text = whole_lines(file); !text.empty()) {
      const CsvTable table = parse_csv(text, file);
      EarlierTable(table).add_to(rows);
    }
  return rows;
}

void SweepJournal::begin(const SweepRows& known) {
  write_output(part_, [&](std::ostream& out) {
    out << csv_line(sweep_heading(sweep_));
    for (const auto& [index, row] : known) out << csv_line(sweep_cells(sweep_, index, row));
  });
  descriptor_ = ::open(part_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (descriptor_ < 0) fail(part_, errno);
}

void SweepJournal::add(std::size_t index, const SweepRow& row) {
  const std::string line = csv_line(sweep_cells(sweep_, index, row));
  ssize_t written = -1;
  do written = ::write(descriptor_, line.data(), line.size());
  while (written < 0 && errno == EINTR);
  if (written < 0) fail(part_, errno);
  if (static_cast<std::size_t>(written) < line.size()) fail(part_, ENOSPC);
  // The row outlives the program from here on; what follows is for the end of the machine, and takes milliseconds.
  constexpr std::chrono::milliseconds between_syncs(100);
  const auto now = std::chrono::steady_clock::now();
  if (now < next_sync_) return;
  if (::fdatasync(descriptor_) != 0) fail(part_, errno);
  next_sync_ = now + between_syncs;
}

void SweepJournal::end() {
  std::error_code error;
  std::filesystem::remove(part_, error);  // what is left of it does no harm
}

}  // namespace rehearse
