// Rows of a study: the simulation that each asks for. Private to scenarios.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "scenarios/study.hpp"

namespace rehearse {

/// Fills in `study.rows`. Throws InputError with all faults of all rows; one that every row of a part has points at the
/// study, others at their cell.
void read_study_rows(Study& study);

/// The value that a dotted path names; null: there is none.
const Value* value_at(const Value& root, std::string_view path);

/// By file and line, each once.
std::vector<Fault> merged_faults(std::vector<Fault> faults);

}  // namespace rehearse
