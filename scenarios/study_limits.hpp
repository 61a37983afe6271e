// Limits of a study: what has to hold for its statistics. Private to scenarios.
#pragma once

#include <string>
#include <vector>

#include "engine/base/document.hpp"
#include "scenarios/study.hpp"

namespace rehearse {

/// "10 %" at `key` as 0.1.
double read_share(Reader& reader, std::string_view key);

/// A mapping of statistics to limits, for all rows, or of a summary's name to such a mapping. A key that is neither is
/// a fault.
std::vector<StudyLimit> read_limits(Reader reader, const std::vector<std::string>& summaries);

/// Why a limit does not hold; empty: it does.
std::string exceeded(const StudyLimit& limit, const StudySummary& summary);

}  // namespace rehearse
