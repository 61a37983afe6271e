// Reports: a Result as text, JSON, CSV and a Perfetto trace. Each writes to a stream and knows nothing of files.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>

#include "scenarios/result.hpp"

namespace rehearse {

/// What a person reads on a terminal. `colour`: ANSI colours; `width`: columns.
void write_text_report(const Result& result, std::ostream& out, bool colour = false, int width = 80);
/// The object of the program's contract, indented, ending in a newline.
void write_json(const Result& result, std::ostream& out);
/// A header line and one row of the same scalar figures.
void write_csv(const Result& result, std::ostream& out);
/// TrackEvent protobuf for Perfetto (binary).
void write_trace(const Result& result, std::ostream& out);
/// The same with every GPU and every message, however large it gets.
void write_whole_trace(const Result& result, std::ostream& out);

}  // namespace rehearse
