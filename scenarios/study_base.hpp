// Bases of studies: what a row is simulated as.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/base/document.hpp"
#include "engine/base/table.hpp"
#include "scenarios/collective_job.hpp"
#include "scenarios/kernel_job.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/study_figures.hpp"

namespace rehearse {

using StudyRun = std::variant<Scenario, CollectiveJob, KernelJob>;

struct StudyBase {
  std::string_view name;  ///< the key in a study: "collective"
  std::string_view description;
  std::string_view example;                                                             ///< of its value
  bool may_be_name = false;                                                             ///< else a mapping
  StudyRun (*read)(const Value& base, const std::vector<Setting>& settings) = nullptr;  ///< throws InputError
  bool (*has)(const StudyFigure& figure) = nullptr;
};
Table<StudyBase> study_bases();

/// Names of the figures that a base has; `compared`: without those of the kind `other`.
std::vector<std::string> study_figure_names(const StudyBase& base, bool compared);

/// With all defaults filled in.
const Value& resolved_of(const StudyRun& run);

/// Empty: it can.
std::string why_it_cannot_run(const StudyRun& run);

/// What a simulation says: figures in the order that they were asked for, and how a collective was carried out.
struct StudyAnswer {
  std::vector<double> figures;  ///< in SI
  std::string way;
};
StudyAnswer simulate_run(const StudyRun& run, const std::vector<const StudyFigure*>& figures);

/// "key=value", the value as YAML.
std::string setting_text(const Setting& setting, std::string_view key);

}  // namespace rehearse
