// Scenario: a cluster and the jobs on it, read from YAML and validated.
#pragma once

#include <string>
#include <vector>

#include "engine/base/document.hpp"
#include "platforms/cluster.hpp"
#include "workloads/job.hpp"

namespace rehearse {

struct Scenario {
  std::string name;
  Cluster cluster;
  std::vector<Job> jobs;  ///< at least one
  /// Where the jobs stand in the YAML, by job: "jobs.0."; empty where the scenario itself is the job.
  std::vector<std::string> job_keys;
  std::vector<Fault> unplaced;  ///< jobs that found no GPUs (Job::gpus is then empty)
  Value source;                 ///< the YAML as read, settings and bases applied: knows files and lines
  Value resolved;               ///< every key with the value in force
};

/// Read a scenario by catalogue name or path, with `KEY=VALUE` settings laid over it. Throws InputError with all
/// faults.
Scenario load_scenario(const std::string& name_or_path, const std::vector<std::string>& settings = {});
/// The same from YAML that is already a tree.
Scenario read_scenario(Value root, const std::vector<std::string>& settings = {});
/// The same with settings that are parsed. One that is a mapping takes the place of a section as a whole: nothing of
/// the old one is left, not even where an earlier setting named the section's base.
Scenario read_scenario(Value root, const std::vector<Setting>& settings);

/// The scenario's YAML with every base laid under it that there is and the settings over it, for those who read it
/// many times. Throws InputError where a setting leads nowhere.
Value resolve_scenario(Value root, const std::vector<Setting>& settings = {});

/// Why a plan cannot run, each reason with file, line and key path: degrees and sizes that do not divide, too few GPUs,
/// a precision that the device lacks. Not errors of form. Empty: all run.
std::vector<Fault> check_plan_of(const Scenario& scenario);
/// Why plans do not fit in memory; empty: they fit. For a scenario that passes check_plan_of.
std::vector<Fault> check_memory_of(const Scenario& scenario);

}  // namespace rehearse
