// What is wrong with a sweep as a whole. Private to scenarios.
#pragma once

#include "scenarios/sweep.hpp"

namespace rehearse {

/// Reads scenarios of points until every key that an axis sets is known to be one: read at one point at least. Throws
/// InputError with keys that are unknown wherever they are set, and with what is wrong at every point.
void check_sweep(const Sweep& sweep);

}  // namespace rehearse
