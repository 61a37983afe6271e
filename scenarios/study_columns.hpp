// What a study says of its table's columns. Private to scenarios.
#pragma once

#include <vector>

#include "engine/base/document.hpp"
#include "scenarios/study.hpp"

namespace rehearse {

/// The blocks `columns`, `measured` and `check` of a part; faults are noted on the reader.
std::vector<StudyColumn> read_columns(Reader reader, const CsvTable& table);
StudyMeasured read_measured(Reader reader, const CsvTable& table, const StudyBase& base);
std::vector<StudyCheck> read_checks(Reader reader, const CsvTable& table, const StudyBase& base);

}  // namespace rehearse
