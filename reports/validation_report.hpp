// Reports of `rehearse validate`: predictions beside measurements. Each writes to a stream.
#pragma once

#include <iosfwd>
#include <vector>

#include "scenarios/study.hpp"

namespace rehearse {

/// How the text looks.
struct ValidationText {
  bool rows = true;       ///< else statistics alone
  bool markdown = false;  ///< tables as Markdown has them
};

/// For each study its rows, and statistics of its parts and groups and of all; of several studies an overview behind.
void write_validation_text(const std::vector<StudyResult>& results, std::ostream& out, const ValidationText& look = {});
/// An object with the version, and a list of studies with rows and statistics. Errors are shares of the time.
void write_validation_json(const std::vector<StudyResult>& results, std::ostream& out);
/// A header line and a line for each row of each study.
void write_validation_csv(const std::vector<StudyResult>& results, std::ostream& out);

}  // namespace rehearse
