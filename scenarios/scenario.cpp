#include "scenarios/scenario.hpp"

#include <array>
#include <stdexcept>

#include <fmt/format.h>

#include "engine/base/quantity_text.hpp"
#include "platforms/catalogue.hpp"
#include "workloads/memory.hpp"

namespace rehearse {

namespace {

/// Names and {base: ...} mappings become whole mappings.
void resolve_bases(Value& root) {
  if (root.type != Value::Type::mapping) return;
  root = resolve_entry("scenarios", root, "");
  if (root.find("model") != nullptr) root["model"] = resolve_entry("models", root["model"], "model");
  if (root.find("cluster") != nullptr) root["cluster"] = resolve_cluster(root["cluster"], "cluster");
}

CollectiveChoice read_collectives(Reader& root) {
  CollectiveChoice choice;
  Reader reader = root.child("collectives");
  for (CollectiveOp op : {CollectiveOp::all_reduce, CollectiveOp::all_gather, CollectiveOp::reduce_scatter}) {
    std::vector<std::string> names = collective_table(op).names();
    names.insert(names.begin(), "auto");
    const std::string name = reader.get_name(collective_op_name(op), collective_table(op).what(), names, "auto");
    choice.algorithm[op] = name == "auto" ? "ring" : name;
  }
  const std::string fidelity = root.get_name("fidelity", "fidelity", {"flow", "fluid", "auto"}, "auto");
  choice.fidelity = fidelity == "flow" ? Fidelity::flow : fidelity == "fluid" ? Fidelity::fluid : Fidelity::automatic;
  return choice;
}

Value resolved_value(const Scenario& s) {
  Value out;
  out["name"] = scalar_value(s.name);
  out["model"] = to_value(s.model);
  out["cluster"] = *s.source.find("cluster");
  out["plan"] = to_value(s.plan);
  for (const auto& [op, algorithm] : s.collectives.algorithm)
    out["collectives"][std::string(collective_op_name(op))] = scalar_value(algorithm);
  constexpr std::array<const char*, 3> fidelities{"flow", "fluid", "auto"};
  out["fidelity"] = scalar_value(std::string(fidelities[static_cast<std::size_t>(s.collectives.fidelity)]));
  return out;
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
  return read_scenario(load_entry("scenarios", name_or_path), settings);
}

Scenario read_scenario(Value root, const std::vector<std::string>& settings) {
  // Bases first, so that a setting reaches a key wherever it comes from; a setting may bring another base.
  resolve_bases(root);
  for (const std::string& setting : settings) apply_setting(root, setting);
  resolve_bases(root);
  Scenario s;
  s.source = root;
  Reader reader(std::move(root), "scenario");
  s.name = reader.get<std::string>("name", "scenario");
  reader.get<std::string>("description", "");
  Reader model = reader.child("model", true);
  s.model = read_model(model);
  Reader cluster = reader.child("cluster", true);
  s.cluster = Cluster::read(cluster);
  Reader plan = reader.child("plan", true);
  s.plan = read_plan(plan, s.cluster.gpu_count());
  s.collectives = read_collectives(reader);
  reader.finish();
  s.resolved = resolved_value(s);
  return s;
}

std::vector<Fault> check_plan_of(const Scenario& s) {
  std::vector<Fault> faults;
  for (const PlanFault& fault : check_plan(s.model, s.plan, s.cluster.gpu_count()))
    faults.push_back(fault_at(s, fault.key_path, fault.message));
  try {
    static_cast<void>(s.cluster.device().peak(s.plan.precision));
  } catch (const std::invalid_argument& e) {
    faults.push_back(fault_at(s, "plan.precision", e.what()));
  }
  return faults;
}

std::vector<Fault> check_memory_of(const Scenario& s) {
  for (std::int64_t stage = 0; stage < s.plan.pipeline; ++stage) {
    const StageMemory m = stage_memory(s.model, s.plan, stage);
    const Bytes capacity = s.cluster.device().memory_capacity;
    if (m.peak() <= capacity) continue;
    return {fault_at(s, "plan", fmt::format("stage {} does not fit in memory: weights {}, gradients {}, optimizer {}, "
                                            "activations {}, recomputation {}; together {} of {}",
                                            stage, to_text(m.weights), to_text(m.gradients), to_text(m.optimizer),
                                            to_text(m.activations), to_text(m.recomputation), to_text(m.peak()),
                                            to_text(capacity)))};
  }
  return {};
}

}  // namespace rehearse
