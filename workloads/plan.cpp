#include "workloads/plan.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "engine/base/enum_names.hpp"
#include "engine/base/quantity_text.hpp"
#include "workloads/memory/allocator.hpp"

namespace rehearse {

namespace {

constexpr std::array<std::string_view, 3> recompute_names{"none", "selective", "full"};
constexpr std::array<std::string_view, 2> attention_names{"unfused", "flash"};
constexpr std::array<std::string_view, 2> stage_names{"even", "balanced"};
constexpr std::array<std::string_view, 2> exchange_names{"ring", "all_gather"};
constexpr std::array<std::string_view, 4> optimizer_names{"adam", "sgd", "momentum", "adafactor"};
const std::vector<std::string> precision_names{"fp32", "tf32", "fp16", "bf16", "fp8"};

Precision read_precision(Reader& reader, std::string_view key, std::string_view fallback) {
  const std::string name = reader.get_name(key, "precision", precision_names, std::string(fallback));
  return name.empty() ? Precision::bf16 : precision_of_name(name);
}

// Far above any plan; below them nothing that is counted in 64 bits overflows.
constexpr std::int64_t most_degree = 1 << 20;
constexpr std::int64_t most_batch = 1 << 30;

std::int64_t at_most(Reader& reader, std::string_view key, std::int64_t value, std::int64_t most) {
  if (value <= most) return value;
  reader.fault(key, fmt::format("expected at most {}, found {}", most, value));
  return most;
}
std::int64_t read_degree(Reader& reader, std::string_view key, std::int64_t fallback) {
  return at_most(reader, key, reader.get_at_least(key, 1, fallback), most_degree);
}

void read_degrees(Reader& reader, std::int64_t gpus, Plan& p) {
  p.tensor = read_degree(reader, "tensor", 1);
  p.context = read_degree(reader, "context", 1);
  p.pipeline = read_degree(reader, "pipeline", 1);
  p.data = read_degree(reader, "data", std::max<std::int64_t>(1, gpus / (p.tensor * p.context * p.pipeline)));
  p.expert = read_degree(reader, "expert", 1);
  p.micro_batch = read_degree(reader, "micro_batch", 1);
  p.global_batch = at_most(reader, "global_batch", reader.get_at_least("global_batch", 1), most_batch);
}

/// `even` (the default), `balanced`, or the layers of each model chunk.
void read_stages(Reader& reader, Plan& p) {
  Reader list = reader.child("stages");
  if (!reader.has("stages")) return;
  if (!list.is_sequence()) {
    p.stages = read_enum(reader, "stages", "way to deal out layers", stage_names, StageSplit::even);
    return;
  }
  p.stages = StageSplit::listed;
  for (Reader& item : list.items()) {
    const auto layers = item.as<std::int64_t>();
    if (layers < 0 || layers > most_degree) item.fault("expected a number of layers");
    p.stage_layers.push_back(std::clamp<std::int64_t>(layers, 0, most_degree));
  }
}

void read_pipeline(Reader& reader, Plan& p) {
  p.schedule = reader.get_name("schedule", "pipeline schedule", pipeline_table().names(), "1f1b");
  const PipelineRow* row = pipeline_table().find(p.schedule);
  p.virtual_stages = read_degree(reader, "virtual_stages", row == nullptr ? 1 : row->default_chunks);
  if (row == nullptr) p.schedule = "1f1b";
  read_stages(reader, p);
  p.overlap_p2p = reader.get<bool>("overlap_p2p", false);
  p.scatter_gather = reader.get<bool>("scatter_gather", true);
}

void read_sharding(Reader& reader, Plan& p) {
  p.zero = reader.get_at_least("zero", 0, 0);
  if (p.zero > 3) reader.fault("zero", fmt::format("expected 0, 1, 2 or 3, found {}", p.zero));
  p.shard = at_most(reader, "shard", reader.get_at_least("shard", 0, 0), most_degree);
  p.reshard_after_forward = reader.get<bool>("reshard_after_forward", true);
  p.prefetch = at_most(reader, "prefetch", reader.get_at_least("prefetch", 0, 1), most_degree);
  p.reduce_every_micro_batch = reader.get<bool>("reduce_every_micro_batch", p.zero >= 2);
  p.overlap_grad_reduce = reader.get<bool>("overlap_grad_reduce", false);
  p.bucket_size = reader.get<Bytes>("bucket_size", Bytes(0));
  if (p.bucket_size < Bytes(0)) reader.fault("bucket_size", "expected a size of at least 0 B (0 B: no buckets)");
}

void read_layers(Reader& reader, Plan& p) {
  p.sequence_parallel = reader.get<bool>("sequence_parallel", false);
  p.tensor_overlap = read_degree(reader, "tensor_overlap", 1);
  p.overlap_weight_gradient = reader.get<bool>("overlap_weight_gradient", false);
  p.overlap_shared_experts = reader.get<bool>("overlap_shared_experts", false);
  p.context_exchange = read_enum(reader, "context_exchange", "context exchange", exchange_names, ContextExchange::ring);
  p.recompute = read_enum(reader, "recompute", "recomputation", recompute_names, Recompute::none);
  p.recompute_interval = read_degree(reader, "recompute_interval", 1);
  p.recompute_layers = at_most(reader, "recompute_layers", reader.get_at_least("recompute_layers", 0, 0), most_degree);
  p.attention = read_enum(reader, "attention", "attention", attention_names, AttentionKind::unfused);
  p.precision = read_precision(reader, "precision", "bf16");
  p.gradient_precision = read_precision(reader, "gradient_precision", "fp32");
}

void read_optimizer(Reader& reader, Plan& p) {
  p.optimizer = read_enum(reader, "optimizer", "optimizer", optimizer_names, Optimizer::adam);
  p.optimizer_precision = read_precision(reader, "optimizer_precision", "fp32");
  p.master_weights = reader.get<bool>("master_weights", element_bytes(p.precision) < 4);
  p.clip_gradients = reader.get<bool>("clip_gradients", true);
  p.post_validation = reader.get<bool>("post_validation", false);
  p.offload_optimizer = reader.get<bool>("offload_optimizer", false);
  p.offload_activations = reader.get<bool>("offload_activations", false);
  p.allocator = reader.get_name("allocator", "allocator", allocator_table().names(), "caching");
}

}  // namespace

std::string_view recompute_name(Recompute recompute) { return recompute_names[static_cast<std::size_t>(recompute)]; }

std::string_view optimizer_name(Optimizer optimizer) { return optimizer_names[static_cast<std::size_t>(optimizer)]; }

Plan read_plan(Reader& reader, std::int64_t gpus) {
  Plan p;
  read_degrees(reader, gpus, p);
  read_pipeline(reader, p);
  read_layers(reader, p);
  read_sharding(reader, p);
  read_optimizer(reader, p);
  return p;
}

Value to_value(const Plan& p) {
  Value out;
  for (const auto& [key, number] : {std::pair{"tensor", p.tensor},
                                    {"context", p.context},
                                    {"pipeline", p.pipeline},
                                    {"data", p.data},
                                    {"expert", p.expert},
                                    {"micro_batch", p.micro_batch},
                                    {"global_batch", p.global_batch},
                                    {"virtual_stages", p.virtual_stages},
                                    {"tensor_overlap", p.tensor_overlap},
                                    {"zero", p.zero},
                                    {"shard", p.shard},
                                    {"prefetch", p.prefetch},
                                    {"recompute_interval", p.recompute_interval},
                                    {"recompute_layers", p.recompute_layers}})
    out[key] = scalar_value(number);
  for (const auto& [key, text] : {std::pair{"schedule", p.schedule},
                                  {"recompute", std::string(recompute_name(p.recompute))},
                                  {"attention", enum_name(attention_names, p.attention)},
                                  {"context_exchange", enum_name(exchange_names, p.context_exchange)},
                                  {"precision", std::string(precision_name(p.precision))},
                                  {"gradient_precision", std::string(precision_name(p.gradient_precision))},
                                  {"optimizer", enum_name(optimizer_names, p.optimizer)},
                                  {"optimizer_precision", std::string(precision_name(p.optimizer_precision))},
                                  {"allocator", p.allocator},
                                  {"bucket_size", fmt::format("{} B", p.bucket_size.value())}})
    out[key] = scalar_value(text);
  for (const auto& [key, flag] : {std::pair{"sequence_parallel", p.sequence_parallel},
                                  {"overlap_weight_gradient", p.overlap_weight_gradient},
                                  {"overlap_shared_experts", p.overlap_shared_experts},
                                  {"reshard_after_forward", p.reshard_after_forward},
                                  {"reduce_every_micro_batch", p.reduce_every_micro_batch},
                                  {"overlap_grad_reduce", p.overlap_grad_reduce},
                                  {"overlap_p2p", p.overlap_p2p},
                                  {"scatter_gather", p.scatter_gather},
                                  {"master_weights", p.master_weights},
                                  {"clip_gradients", p.clip_gradients},
                                  {"post_validation", p.post_validation},
                                  {"offload_optimizer", p.offload_optimizer},
                                  {"offload_activations", p.offload_activations}})
    out[key] = scalar_value(flag);
  if (p.stages != StageSplit::listed) {
    out["stages"] = scalar_value(enum_name(stage_names, p.stages));
    return out;
  }
  Value& list = out["stages"];
  list.type = Value::Type::sequence;
  for (const std::int64_t layers : p.stage_layers) list.items.push_back(scalar_value(layers));
  return out;
}

}  // namespace rehearse
