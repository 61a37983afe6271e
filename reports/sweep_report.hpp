// Reports of `rehearse sweep`. Each writes to a stream.
#pragma once

#include <iosfwd>

#include "scenarios/sweep.hpp"

namespace rehearse {

/// For each point the columns of the study and the main figures; the best row is marked, and those that failed have
/// their reason. Of many points the best alone.
void write_sweep_text(const SweepResult& result, std::ostream& out);
/// An object with the version, the study, and rows with their settings, status and figures.
void write_sweep_json(const SweepResult& result, std::ostream& out);
/// A header line and a line for each point, in the order of the study.
void write_sweep_csv(const SweepResult& result, std::ostream& out);

}  // namespace rehearse
