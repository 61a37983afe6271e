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
#include "scenarios/job_read.hpp"

namespace rehearse {

namespace {

/// Names and {base: ...} mappings become whole mappings.
void resolve_bases(Value& root, Unresolved& unresolved) {
  if (root.type != Value::Type::mapping) return;
  root = resolve_entry("scenarios", root, "");
  const auto resolve = [&](Value& at, const std::string& prefix, const char* key, auto to_mapping) {
    const std::string path = prefix + key;
    unresolved.erase(path);
    if (at.find(key) == nullptr) return;
    try {
      at[key] = to_mapping(at[key], path);
    } catch (const InputError& error) {
      unresolved[path] = error.faults();
    }
  };
  const auto from = [](const char* catalogue) {
    return [catalogue](const Value& value, const std::string& path) { return resolve_entry(catalogue, value, path); };
  };
  const auto resolve_job = [&](Value& at, const std::string& prefix) {
    resolve(at, prefix, "model", from("models"));
    resolve(at, prefix, "framework", from("frameworks"));
  };
  resolve(root, "", "cluster", resolve_cluster);
  if (root.find("jobs") == nullptr) return resolve_job(root, "");
  std::vector<Value>& jobs = root["jobs"].items;
  for (std::size_t j = 0; j < jobs.size(); ++j)
    if (jobs[j].type == Value::Type::mapping) resolve_job(jobs[j], fmt::format("jobs.{}.", j));
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

Value resolved_value(const Scenario& s) {
  Value out;
  out["name"] = scalar_value(s.name);
  if (s.job_keys.front().empty()) {
    out = overlay(std::move(out), to_value(s.jobs.front(), false));
    out["cluster"] = *s.source.find("cluster");
    return out;
  }
  out["cluster"] = *s.source.find("cluster");
  Value& list = out["jobs"];
  list.type = Value::Type::sequence;
  for (const Job& job : s.jobs) list.items.push_back(to_value(job, true));
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
  s.name = reader.get<std::string>("name", "scenario");
  reader.get<std::string>("description", "");
  Reader cluster = reader.child("cluster", true);
  if (unresolved.contains("cluster"))
    cluster.mark_read();
  else
    s.cluster = Cluster::read(cluster);
  read_jobs(reader, unresolved, s);
  finish(reader, std::move(faults));
  s.resolved = resolved_value(s);
  return s;
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

}  // namespace rehearse
