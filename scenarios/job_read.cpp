#include "scenarios/job_read.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "scenarios/collective_keys.hpp"

namespace rehearse {

namespace {

/// The collectives that training calls for.
constexpr std::array<CollectiveOp, 5> scenario_ops{CollectiveOp::all_reduce, CollectiveOp::all_gather,
                                                   CollectiveOp::reduce_scatter, CollectiveOp::all_to_all,
                                                   CollectiveOp::send_recv};

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

/// The keys of one job; `list` where it is an item of `jobs`.
class JobReader {
 public:
  JobReader(Reader& at, const std::string& prefix, const Unresolved& unresolved, Scenario& scenario,
            std::vector<bool>& taken)
      : at_(at), prefix_(prefix), unresolved_(unresolved), scenario_(scenario), taken_(taken) {}

  void read() {
    Job job;
    const bool listed = !prefix_.empty();
    job.name = scenario_.name;
    if (listed) read_listed(job);
    read_iterations(job);
    Reader model = at_.child("model", true);
    if (unresolved_.contains(prefix_ + "model"))
      model.mark_read();
    else
      job.model = read_model(model);
    Reader framework = at_.child("framework");
    if (unresolved_.contains(prefix_ + "framework"))
      framework.mark_read();
    else
      job.framework = read_framework(framework);
    job.placement = read_placement(at_, "placement");
    const bool whole = !listed && !at_.has("placement");
    Reader plan = at_.child("plan", true);
    job.plan = read_plan(plan, job.placement.gpus.empty() ? free_gpus() : std::ssize(job.placement.gpus));
    job.plan.kernels = job.framework.kernels;
    job.collectives = read_collectives(at_);
    if (!at_.any_fault()) place_job(job, whole);
    scenario_.jobs.push_back(std::move(job));
    scenario_.job_keys.push_back(prefix_);
  }

 private:
  void read_listed(Job& job) {
    job.name = at_.get<std::string>("name", fmt::format("job {}", scenario_.jobs.size()));
    job.start = at_.get<Seconds>("start", Seconds(0));
    if (job.start < Seconds(0)) at_.fault("start", "expected zero or more");
  }

  void read_iterations(Job& job) {
    if (!at_.has("iterations")) return static_cast<void>(at_.child("iterations"));
    const std::int64_t iterations = at_.get_at_least("iterations", 1);
    if (iterations > most_iterations)
      at_.fault("iterations", fmt::format("expected at most {}, found {}", most_iterations, iterations));
    job.iterations = static_cast<std::uint32_t>(std::min<std::int64_t>(iterations, most_iterations));
  }

  [[nodiscard]] std::int64_t free_gpus() const { return std::ranges::count(taken_, false); }

  /// A job that has the cluster to itself must fill it, or what is up of it; any other must find room.
  void place_job(Job& job, bool whole) {
    if (whole && job.plan.gpus() != scenario_.cluster.gpu_count() && job.plan.gpus() != free_gpus())
      return;  // check_plan says so
    const std::string key = whole ? "plan" : prefix_ + "placement";
    if (job.plan.gpus() > free_gpus() && job.placement.gpus.empty()) {
      scenario_.unplaced.push_back(
          fault_at(scenario_, prefix_ + "plan",
                   fmt::format("the plan needs {} GPUs, but of the cluster's {} only {} are free", job.plan.gpus(),
                               scenario_.cluster.gpu_count(), free_gpus())));
      return;
    }
    try {
      job.gpus = place(job.placement, static_cast<std::uint32_t>(job.plan.gpus()), scenario_.cluster, taken_,
                       fault_at(scenario_, key, {}));
    } catch (const InputError& error) {
      for (const Fault& fault : error.faults()) at_.fault("placement", fault.message);
    }
  }

  static constexpr std::int64_t most_iterations = 1000;

  Reader& at_;
  const std::string& prefix_;
  const Unresolved& unresolved_;
  Scenario& scenario_;
  std::vector<bool>& taken_;
};

/// The value that a dotted path names, or the nearest one above it that exists.
const Value& nearest_value(const Value& root, std::string_view key_path) {
  const std::size_t dot = key_path.find('.');
  const std::string_view key = key_path.substr(0, dot);
  const Value* next = root.find(key);
  if (root.type == Value::Type::sequence)
    for (std::size_t i = 0; i < root.items.size(); ++i)
      if (key == fmt::to_string(i)) next = &root.items[i];
  if (next == nullptr) return root;
  return dot == std::string_view::npos ? *next : nearest_value(*next, key_path.substr(dot + 1));
}

}  // namespace

void read_jobs(Reader& root, const Unresolved& unresolved, Scenario& scenario) {
  std::vector<bool> taken(scenario.cluster.gpu_count(), false);
  for (const std::uint32_t node : scenario.cluster.degradation().epochs.front().nodes_down)
    for (std::uint32_t gpu = 0; gpu < scenario.cluster.node(node).gpus; ++gpu)
      taken[scenario.cluster.first_gpu(node) + gpu] = true;
  Reader list = root.child("jobs");
  if (!root.has("jobs")) return JobReader(root, "", unresolved, scenario, taken).read();
  for (const char* key : {"model", "plan", "framework", "placement", "collectives", "fidelity", "iterations"}) {
    root.child(key).mark_read();
    if (root.has(key)) root.fault(key, "`jobs` says what runs; write this key in each of them");
  }
  std::vector<Reader> items = list.items();
  if (items.empty() && list.is_sequence())
    list.fault("expected at least one job, such as {model: gpt3-175b, plan: {...}}");
  for (std::size_t j = 0; j < items.size(); ++j)
    JobReader(items[j], fmt::format("jobs.{}.", j), unresolved, scenario, taken).read();
}

Value to_value(const Job& job, bool listed) {
  Value out;
  if (listed) {
    out["name"] = scalar_value(job.name);
    out["start"] = scalar_value(fmt::format("{} s", job.start.value()));
  }
  if (job.iterations > 0) out["iterations"] = scalar_value(std::int64_t{job.iterations});
  out["model"] = to_value(job.model);
  out["plan"] = to_value(job.plan);
  out["framework"] = to_value(job.framework);
  out["placement"] = to_value(job.placement);
  out["collectives"] = to_value(job.collectives);
  out["fidelity"] = scalar_value(std::string(fidelity_name(job.collectives.fidelity)));
  return out;
}

Fault fault_at(const Scenario& scenario, std::string key_path, std::string message) {
  const Value& at = nearest_value(scenario.source, key_path);
  return {at.file, at.line, std::move(key_path), std::move(message)};
}

}  // namespace rehearse
