#include "workloads/plan.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "engine/base/quantity_text.hpp"
#include "workloads/pipeline/schedule.hpp"

namespace rehearse {

namespace {

constexpr std::array<std::string_view, 3> recompute_names{"none", "selective", "full"};
const std::vector<std::string> precision_names{"fp32", "tf32", "fp16", "bf16", "fp8"};

Precision read_precision(Reader& reader, std::string_view key, std::string_view fallback) {
  const std::string name = reader.get_name(key, "precision", precision_names, std::string(fallback));
  return name.empty() ? Precision::bf16 : precision_of_name(name);
}

// Far above any plan; below them nothing that is counted in 64 bits overflows.
constexpr std::int64_t most_degree = 1 << 20;
constexpr std::int64_t most_batch = 1 << 30;
constexpr std::int64_t most_layer_passes = 1 << 20;  ///< micro batches times layers: what is simulated one by one
constexpr std::int64_t most_buckets = 1 << 14;
constexpr double most_counted = 4e18;  ///< bytes, FLOPs of a kernel

std::int64_t at_most(Reader& reader, std::string_view key, std::int64_t value, std::int64_t most) {
  if (value <= most) return value;
  reader.fault(key, fmt::format("expected at most {}, found {}", most, value));
  return most;
}
std::int64_t read_degree(Reader& reader, std::string_view key, std::int64_t fallback) {
  return at_most(reader, key, reader.get_at_least(key, 1, fallback), most_degree);
}

/// Degrees that this version knows only as 1.
std::int64_t read_only_one(Reader& reader, std::string_view key) {
  const std::int64_t degree = reader.get_at_least(key, 1, 1);
  if (degree > 1) reader.fault(key, fmt::format("{} is not modelled by this version; expected 1", degree));
  return 1;
}

class PlanCheck {
 public:
  PlanCheck(const Model& model, const Plan& plan, std::int64_t gpus) : model_(model), plan_(plan), gpus_(gpus) {}

  std::vector<PlanFault> run() {
    check_degrees();
    check_batch();
    check_layers();
    check_tensor();
    check_size();
    if (const PipelineRow* row = pipeline_table().find(plan_.schedule))
      for (const std::string& reason : row->check(plan_)) fault("schedule", reason);
    return std::move(faults_);
  }

 private:
  void fault(const std::string& key, std::string message) { faults_.push_back({"plan." + key, std::move(message)}); }

  void check_degrees() {
    if (plan_.gpus() == gpus_) return;
    const std::int64_t model_parallel = plan_.tensor * plan_.pipeline;
    const std::string way_out =
        gpus_ % model_parallel == 0 ? fmt::format("; data {}, or no data at all, fits", gpus_ / model_parallel) : "";
    fault("data", fmt::format("tensor {} x pipeline {} x data {} = {} GPUs, but the cluster has {}{}", plan_.tensor,
                              plan_.pipeline, plan_.data, plan_.gpus(), gpus_, way_out));
  }

  void check_batch() {
    const std::int64_t step = plan_.micro_batch * plan_.data;
    if (plan_.global_batch % step != 0)
      fault("global_batch", fmt::format("{} does not divide by micro_batch {} x data {} = {}", plan_.global_batch,
                                        plan_.micro_batch, plan_.data, step));
  }

  void check_layers() {
    if (model_.layers % plan_.chunks() != 0)
      fault("pipeline", fmt::format("{} layers do not divide by pipeline {} x virtual_stages {} = {}", model_.layers,
                                    plan_.pipeline, plan_.virtual_stages, plan_.chunks()));
  }

  void check_tensor() {
    const auto divides = [&](std::int64_t size, const char* what) {
      if (size % plan_.tensor != 0) fault("tensor", fmt::format("{} {} do not divide by {}", size, what, plan_.tensor));
    };
    divides(model_.heads, "heads");
    if (model_.kv_heads >= plan_.tensor) divides(model_.kv_heads, "KV heads");
    divides(model_.ffn, "FFN columns");
    if (plan_.sequence_parallel) divides(model_.seq_len, "tokens of a sequence");
  }

  /// What would not end, or not be counted in 64 bits.
  void check_size() {
    const std::int64_t m = plan_.micro_batches(), passes = m * model_.layers;
    if (passes > most_layer_passes)
      fault("global_batch", fmt::format("{} micro batches of {} layers; expected at most {} passes through a layer", m,
                                        model_.layers, most_layer_passes));
    const auto real = [](std::int64_t x) { return static_cast<double>(x); };
    const double tokens = real(plan_.micro_batch) * real(model_.seq_len);
    const double scores = tokens * real(model_.seq_len) * real(model_.heads);
    const double widths = real(model_.hidden + model_.ffn_in_width() + model_.attention_width() + model_.vocab);
    const double kept = 40 * (plan_.attention == AttentionKind::flash ? 0 : scores) + 40 * tokens * widths;
    if (scores > most_counted || kept * real(std::max(passes, model_.layers)) > most_counted)
      fault("micro_batch", fmt::format("{} sequences of {} tokens are more than this program counts", plan_.micro_batch,
                                       model_.seq_len));
    const std::int64_t bucket =
        std::max<std::int64_t>(1, plan_.bucket_size.value() / element_bytes(plan_.gradient_precision));
    const std::int64_t buckets = model_.parameters() / (plan_.tensor * plan_.pipeline) / bucket;
    if (plan_.bucket_size > Bytes(0) && buckets > most_buckets)
      fault("bucket_size", fmt::format("{} make {} buckets of a GPU's gradients; expected at most {}",
                                       to_text(plan_.bucket_size), buckets, most_buckets));
  }

  const Model& model_;
  const Plan& plan_;
  std::int64_t gpus_;
  std::vector<PlanFault> faults_;
};

}  // namespace

std::string_view recompute_name(Recompute recompute) { return recompute_names[static_cast<std::size_t>(recompute)]; }

Plan read_plan(Reader& reader, std::int64_t gpus) {
  Plan p;
  p.tensor = read_degree(reader, "tensor", 1);
  p.pipeline = read_degree(reader, "pipeline", 1);
  p.data = read_degree(reader, "data", std::max<std::int64_t>(1, gpus / (p.tensor * p.pipeline)));
  p.micro_batch = read_degree(reader, "micro_batch", 1);
  p.global_batch = at_most(reader, "global_batch", reader.get_at_least("global_batch", 1), most_batch);
  p.schedule = reader.get_name("schedule", "pipeline schedule", pipeline_table().names(), "1f1b");
  p.virtual_stages = read_degree(reader, "virtual_stages", 1);
  p.sequence_parallel = reader.get<bool>("sequence_parallel", false);
  p.context = read_only_one(reader, "context");
  p.expert = read_only_one(reader, "expert");
  p.zero = reader.get_at_least("zero", 0, 0);
  if (p.zero > 1) reader.fault("zero", fmt::format("{} is not modelled by this version; expected 0 or 1", p.zero));
  const std::string recompute = reader.get_name("recompute", "recomputation", {"none", "selective", "full"}, "none");
  for (std::size_t i = 0; i < recompute_names.size(); ++i)
    if (recompute_names[i] == recompute) p.recompute = static_cast<Recompute>(i);
  p.attention = reader.get_name("attention", "attention", {"unfused", "flash"}, "unfused") == "flash"
                    ? AttentionKind::flash
                    : AttentionKind::unfused;
  p.precision = read_precision(reader, "precision", "bf16");
  p.gradient_precision = read_precision(reader, "gradient_precision", "fp32");
  p.overlap_grad_reduce = reader.get<bool>("overlap_grad_reduce", false);
  p.bucket_size = reader.get<Bytes>("bucket_size", Bytes(0));
  if (p.bucket_size < Bytes(0)) reader.fault("bucket_size", "expected a size of at least 0 B (0 B: no buckets)");
  p.overlap_p2p = reader.get<bool>("overlap_p2p", false);
  p.scatter_gather = reader.get<bool>("scatter_gather", true);
  return p;
}

Value to_value(const Plan& p) {
  Value out;
  for (const auto& [key, number] : {std::pair{"tensor", p.tensor},
                                    {"pipeline", p.pipeline},
                                    {"data", p.data},
                                    {"micro_batch", p.micro_batch},
                                    {"global_batch", p.global_batch},
                                    {"virtual_stages", p.virtual_stages},
                                    {"context", p.context},
                                    {"expert", p.expert},
                                    {"zero", p.zero}})
    out[key] = scalar_value(number);
  for (const auto& [key, text] : {std::pair{"schedule", p.schedule},
                                  {"recompute", std::string(recompute_name(p.recompute))},
                                  {"attention", std::string(p.attention == AttentionKind::flash ? "flash" : "unfused")},
                                  {"precision", std::string(precision_name(p.precision))},
                                  {"gradient_precision", std::string(precision_name(p.gradient_precision))},
                                  {"bucket_size", fmt::format("{} B", p.bucket_size.value())}})
    out[key] = scalar_value(text);
  for (const auto& [key, flag] : {std::pair{"sequence_parallel", p.sequence_parallel},
                                  {"overlap_grad_reduce", p.overlap_grad_reduce},
                                  {"overlap_p2p", p.overlap_p2p},
                                  {"scatter_gather", p.scatter_gather}})
    out[key] = scalar_value(flag);
  return out;
}

std::vector<PlanFault> check_plan(const Model& model, const Plan& plan, std::int64_t gpus) {
  return PlanCheck(model, plan, gpus).run();
}

}  // namespace rehearse
