// Journal of a sweep: rows on disk as they come, for the one who begins again after an end before the end.
#pragma once

#include <chrono>
#include <map>
#include <string>

#include "scenarios/sweep.hpp"

namespace rehearse {

/// Beside the table FILE: FILE.part, the same table in the order in which rows came. Every row is written at once and
/// with one write, so that a kill at any time leaves whole rows and at most one that is torn; and handed to the disk
/// itself, unless a row was a tenth of a second ago.
class SweepJournal {
 public:
  SweepJournal(const Sweep& sweep, const std::string& file) : sweep_(sweep), file_(file), part_(file + ".part") {}
  ~SweepJournal();
  SweepJournal(const SweepJournal&) = delete;
  SweepJournal& operator=(const SweepJournal&) = delete;

  /// Rows of FILE and FILE.part by fingerprint, without faults and without what is torn; there may be neither file.
  /// Throws InputError where one is no table of a sweep.
  [[nodiscard]] std::map<std::string, SweepRow> earlier_rows() const;

  /// A new FILE.part with the rows that are known. Throws InputError where it cannot be written, as `add` does.
  void begin(const SweepRows& known);
  void add(std::size_t index, const SweepRow& row);
  /// FILE has been written: FILE.part goes.
  void end();

 private:
  const Sweep& sweep_;
  std::string file_, part_;
  int descriptor_ = -1;
  std::chrono::steady_clock::time_point next_sync_;
};

}  // namespace rehearse
