#include "scenarios/scenario.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/base/quantity_text.hpp"
#include "platforms/catalogue.hpp"
#include "scenarios/collective_keys.hpp"
#include "workloads/memory.hpp"

namespace rehearse {

namespace {

/// Faults of sections that cannot be resolved, by key. They are thrown together with all others.
using Unresolved = std::map<std::string, std::vector<Fault>>;

/// Names and {base: ...} mappings become whole mappings.
void resolve_bases(Value& root, Unresolved& unresolved) {
  if (root.type != Value::Type::mapping) return;
  root = resolve_entry("scenarios", root, "");
  const auto resolve = [&](const char* key, auto to_mapping) {
    unresolved.erase(key);
    if (root.find(key) == nullptr) return;
    try {
      root[key] = to_mapping(root[key]);
    } catch (const InputError& error) {
      unresolved[key] = error.faults();
    }
  };
  resolve("model", [](const Value& model) { return resolve_entry("models", model, "model"); });
  resolve("cluster", [](const Value& cluster) { return resolve_cluster(cluster, "cluster"); });
}

/// Whether the way to the key leads through a name or a mapping with a base, of which a setting would not see the keys.
bool leads_through_base(const Value& root, std::string_view key) {
  const Value* at = &root;
  while (at != nullptr) {
    if (at->type == Value::Type::scalar || at->find("base") != nullptr) return true;
    const std::size_t dot = key.find('.');
    if (dot == std::string_view::npos) return false;
    at = at->find(key.substr(0, dot));
    key.remove_prefix(dot + 1);
  }
  return false;
}

/// Lays the settings over; those that lead nowhere give a fault each.
std::vector<Fault> apply_settings(Value& root, const std::vector<Setting>& settings, Unresolved& unresolved) {
  std::vector<Fault> faults;
  for (const Setting& setting : settings) try {
      if (leads_through_base(root, setting.key)) resolve_bases(root, unresolved);
      apply_setting(root, setting);
    } catch (const InputError& error) {
      add_faults(faults, error);
    }
  return faults;
}

/// Throws the faults with those that the reader noted, if there are any.
void finish(Reader& reader, std::vector<Fault> faults) {
  try {
    reader.finish();
  } catch (const InputError& error) {
    add_faults(faults, error);
  }
  if (faults.empty()) return;
  std::ranges::stable_sort(faults, {}, [](const Fault& f) { return std::pair(f.file, f.line); });
  throw InputError(std::move(faults));
}

/// The collectives that training calls for.
constexpr std::array<CollectiveOp, 3> scenario_ops{CollectiveOp::all_reduce, CollectiveOp::all_gather,
                                                   CollectiveOp::reduce_scatter};

std::vector<std::string> or_auto(std::vector<std::string> names) {
  names.insert(names.begin(), automatic_name);
  return names;
}

CollectiveChoice read_collectives(Reader& root) {
  CollectiveChoice choice;
  Reader reader = root.child("collectives");
  const std::optional<Protocol> protocol = read_protocol(reader);
  for (const CollectiveOp op : scenario_ops) {
    const auto& table = collective_table(op);
    CollectiveWish& wish = choice.wish[op];
    wish.algorithm = reader.get_name(collective_op_name(op), table.what(), or_auto(table.names()), automatic_name);
    wish.protocol = protocol;
  }
  choice.fidelity = read_fidelity(root);
  return choice;
}

Value to_value(const CollectiveChoice& choice) {
  Value out;
  for (const auto& [op, wish] : choice.wish) out[std::string(collective_op_name(op))] = scalar_value(wish.algorithm);
  out["protocol"] = scalar_value(protocol_text(choice.wish.begin()->second.protocol));
  return out;
}

Value resolved_value(const Scenario& s) {
  Value out;
  out["name"] = scalar_value(s.name);
  out["model"] = to_value(s.model);
  out["cluster"] = *s.source.find("cluster");
  out["plan"] = to_value(s.plan);
  out["collectives"] = to_value(s.collectives);
  out["fidelity"] = scalar_value(std::string(fidelity_name(s.collectives.fidelity)));
  return out;
}

/// `faults` are thrown together with all others.
Scenario read(Value root, const std::vector<Setting>& settings, std::vector<Fault> faults) {
  // Bases first, so that a setting reaches a key wherever it comes from; a setting may bring another base.
  Unresolved unresolved;
  resolve_bases(root, unresolved);
  for (Fault& fault : apply_settings(root, settings, unresolved)) faults.push_back(std::move(fault));
  resolve_bases(root, unresolved);
  for (const auto& [key, of_section] : unresolved) faults.insert(faults.end(), of_section.begin(), of_section.end());
  Scenario s;
  s.source = root;
  Reader reader(std::move(root), "scenario");
  const auto section = [&](const char* key, auto read) {
    Reader here = reader.child(key, true);
    if (unresolved.contains(key))
      here.mark_read();
    else
      read(here);
  };
  s.name = reader.get<std::string>("name", "scenario");
  reader.get<std::string>("description", "");
  section("model", [&](Reader& here) { s.model = read_model(here); });
  section("cluster", [&](Reader& here) { s.cluster = Cluster::read(here); });
  section("plan", [&](Reader& here) { s.plan = read_plan(here, s.cluster.gpu_count()); });
  s.collectives = read_collectives(reader);
  finish(reader, std::move(faults));
  s.resolved = resolved_value(s);
  return s;
}

/// The value that a dotted path names, or the nearest one above it that exists.
const Value& nearest_value(const Value& root, std::string_view key_path) {
  const std::size_t dot = key_path.find('.');
  const Value* next = root.find(key_path.substr(0, dot));
  if (next == nullptr) return root;
  return dot == std::string_view::npos ? *next : nearest_value(*next, key_path.substr(dot + 1));
}

Fault fault_at(const Scenario& s, std::string key_path, std::string message) {
  const Value& at = nearest_value(s.source, key_path);
  return {at.file, at.line, std::move(key_path), std::move(message)};
}

}  // namespace

Scenario load_scenario(const std::string& name_or_path, const std::vector<std::string>& settings) {
  const bool path =
      name_or_path.find('/') != std::string::npos || name_or_path.starts_with('.') || name_or_path.ends_with(".yaml");
  std::error_code error;
  if (path && std::filesystem::is_directory(name_or_path, error))
    throw InputError(fmt::format("'{}' is a directory; expected a YAML file or the name of a scenario", name_or_path));
  return read_scenario(load_entry("scenarios", name_or_path), settings);
}

Scenario read_scenario(Value root, const std::vector<std::string>& settings) {
  std::vector<Setting> parsed;
  std::vector<Fault> faults;
  for (const std::string& setting : settings) try {
      parsed.push_back(parse_setting(setting));
    } catch (const InputError& error) {
      add_faults(faults, error);
    }
  return read(std::move(root), parsed, std::move(faults));
}

Scenario read_scenario(Value root, const std::vector<Setting>& settings) { return read(std::move(root), settings, {}); }

Value resolve_scenario(Value root, const std::vector<Setting>& settings) {
  Unresolved unresolved;  // the reader will say
  resolve_bases(root, unresolved);
  if (std::vector<Fault> faults = apply_settings(root, settings, unresolved); !faults.empty())
    throw InputError(std::move(faults));
  resolve_bases(root, unresolved);
  return root;
}

std::vector<Fault> check_plan_of(const Scenario& s) {
  std::vector<Fault> faults;
  for (const PlanFault& fault : check_plan(s.model, s.plan, s.cluster.gpu_count()))
    faults.push_back(fault_at(s, fault.key_path, fault.message));
  const Device& device = s.cluster.device();
  if (!device.gemm.contains(s.plan.precision)) {
    std::vector<std::string_view> has;
    for (const auto& [precision, profile] : device.gemm) has.push_back(precision_name(precision));
    faults.push_back(fault_at(s, "plan.precision",
                              fmt::format("the device {} has no {}; it has {}", device.name,
                                          precision_name(s.plan.precision), fmt::join(has, ", "))));
  }
  return faults;
}

std::vector<Fault> check_memory_of(const Scenario& s) {
  for (std::int64_t stage = 0; stage < s.plan.pipeline; ++stage) {
    const StageMemory m = stage_memory(s.model, s.plan, stage);
    const Bytes capacity = s.cluster.device().memory_capacity;
    if (m.peak() <= capacity) continue;
    return {
        fault_at(s, "plan",
                 fmt::format("stage {} does not fit in memory: weights {}, gradients {}, optimizer {}, "
                             "activations {}, recomputation {}; together {} of {}",
                             stage, to_text(m.weights), to_text(m.gradients), to_text(m.optimizer),
                             to_text(m.activations), to_text(m.recomputation), to_text(m.peak()), to_text(capacity)))};
  }
  return {};
}

}  // namespace rehearse
