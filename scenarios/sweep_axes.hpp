// Axes of a sweep: their values. Private to scenarios.
#pragma once

#include <string>
#include <vector>

#include "engine/base/document.hpp"
#include "scenarios/sweep.hpp"

namespace rehearse {

struct SweepAxis {
  std::string name;
  std::vector<SweepChoice> choices;  ///< of one cell each; empty after a fault
};

/// The axis that `axes` has under `name`: a list of values of the key `name`, a range of them, or, under a name of its
/// own, a list of {label, set}.
SweepAxis read_axis(Reader& axes, const std::string& name);

/// A value as it stands in a cell: in one line.
std::string cell_text(const Value& value);

/// The mapping {dotted key: value, ...} that `reader` is at. A fault where it has no keys.
std::vector<Setting> read_settings(Reader reader);

}  // namespace rehearse
