// The jobs of a scenario, from YAML and back. Private to scenarios.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "scenarios/scenario.hpp"

namespace rehearse {

/// Faults of sections that cannot be resolved, by key path. They are thrown together with all others.
using Unresolved = std::map<std::string, std::vector<Fault>>;

/// Reads the scenario's jobs, of the list `jobs` or of the scenario itself, and places them on its cluster. Faults are
/// noted.
void read_jobs(Reader& root, const Unresolved& unresolved, Scenario& scenario);

/// With every key; those of a list (name, start, iterations) where it is `listed`.
Value to_value(const Job& job, bool listed);

/// A fault at a key, or at the nearest one above it that stands in the scenario's YAML.
Fault fault_at(const Scenario& scenario, std::string key_path, std::string message);

}  // namespace rehearse
