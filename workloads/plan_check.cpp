// What keeps a plan from running a model.
#include <algorithm>

#include <fmt/format.h>

#include "engine/base/quantity_text.hpp"
#include "workloads/parameters.hpp"

namespace rehearse {

namespace {

constexpr std::int64_t most_layer_passes = 1 << 20;  ///< micro batches times layers: what is simulated one by one
constexpr std::int64_t most_buckets = 1 << 14;
constexpr double most_counted = 4e18;  ///< bytes, FLOPs of a kernel

class PlanCheck {
 public:
  PlanCheck(const Model& model, const Plan& plan, std::int64_t gpus) : model_(model), plan_(plan), gpus_(gpus) {}

  std::vector<PlanFault> run() {
    check_degrees();
    check_batch();
    check_pipeline();
    check_stages();
    if (model_.is_transformer()) {
      check_tensor();
      check_context();
      check_experts();
    } else {
      check_sequence();
    }
    check_sharding();
    if (faults_.empty()) check_size();
    return std::move(faults_);
  }

 private:
  void fault(const std::string& key, std::string message) { faults_.push_back({"plan." + key, std::move(message)}); }

  void check_degrees() {
    if (plan_.gpus() == gpus_) return;
    const std::int64_t model_parallel = plan_.tensor * plan_.context * plan_.pipeline;
    const std::string way_out =
        gpus_ % model_parallel == 0 ? fmt::format("; data {}, or no data at all, fits", gpus_ / model_parallel) : "";
    const std::string context = plan_.context > 1 ? fmt::format("context {} x ", plan_.context) : "";
    fault("data", fmt::format("tensor {} x {}pipeline {} x data {} = {} GPUs, but the cluster has {}{}", plan_.tensor,
                              context, plan_.pipeline, plan_.data, plan_.gpus(), gpus_, way_out));
  }

  void check_batch() {
    const std::int64_t step = plan_.micro_batch * plan_.data;
    if (plan_.global_batch % step != 0)
      fault("global_batch", fmt::format("{} does not divide by micro_batch {} x data {} = {}", plan_.global_batch,
                                        plan_.micro_batch, plan_.data, step));
  }

  void check_pipeline() {
    for (const std::string& reason : plan_.pipeline_row().check(plan_.shape())) fault("schedule", reason);
  }

  void check_stages() {
    const std::int64_t chunks = plan_.chunks();
    if (plan_.stages == StageSplit::even && model_.layers % chunks != 0)
      fault("pipeline", fmt::format("{} layers do not divide by pipeline {} x virtual_stages {} = {} chunks; `stages: "
                                    "balanced`, or a list of {} numbers of layers, deals them out unevenly",
                                    model_.layers, plan_.pipeline, chunks / plan_.pipeline, chunks, chunks));
    if (plan_.stages == StageSplit::balanced && model_.layers < chunks)
      fault("pipeline", fmt::format("{} layers are fewer than the {} model chunks", model_.layers, chunks));
    if (plan_.stages != StageSplit::listed) return;
    std::int64_t sum = 0;
    for (const std::int64_t layers : plan_.stage_layers) sum += layers;
    if (std::ssize(plan_.stage_layers) != chunks)
      fault("stages", fmt::format("{} numbers of layers; expected one for each of {} model chunks",
                                  plan_.stage_layers.size(), chunks));
    else if (sum != model_.layers)
      fault("stages", fmt::format("{} layers in all, but the model has {}", sum, model_.layers));
    // Of a transformer the embedding or the head may be a chunk of its own.
    if (!model_.is_transformer() && std::ranges::find(plan_.stage_layers, 0) != plan_.stage_layers.end())
      fault("stages", fmt::format("'{}' is no transformer; expected at least 1 layer in each chunk", model_.name));
  }

  void divides(const char* key, std::int64_t size, const char* what, std::int64_t degree) {
    if (size % degree != 0) fault(key, fmt::format("{} {} do not divide by {}", size, what, degree));
  }

  void check_tensor() {
    divides("tensor", model_.heads, "heads", plan_.tensor);
    if (model_.kv_heads >= plan_.tensor)
      divides("tensor", model_.kv_heads, "KV heads", plan_.tensor);
    else if (plan_.tensor % model_.kv_heads != 0)
      fault("tensor", fmt::format("{} ranks do not divide by {} KV heads, which they would share", plan_.tensor,
                                  model_.kv_heads));
    divides("tensor", model_.ffn, "FFN columns", plan_.tensor);
    if (plan_.sequence_parallel)
      divides("tensor", model_.seq_len / plan_.context, "tokens of a sequence", plan_.tensor);
    if (plan_.tensor_overlap > 1)
      divides("tensor_overlap", plan_.micro_batch * model_.seq_len / plan_.context, "tokens of a micro batch",
              plan_.tensor_overlap * plan_.tensor);
  }

  /// Each rank has one piece from the front of a sequence and one from its end, so that causal work is even.
  void check_context() {
    if (plan_.context == 1) return;
    divides("context", model_.seq_len, "tokens of a sequence", 2 * plan_.context);
    // Partial results of a softmax are merged by what flash attention keeps of each; scores in memory are of all keys.
    if (plan_.context_exchange == ContextExchange::ring && plan_.attention != AttentionKind::flash)
      fault("context_exchange", "a ring needs a fused kernel; expected `attention: flash`, or `all_gather` here");
  }

  void check_experts() {
    const std::int64_t experts = model_.experts.count;
    if (plan_.expert > 1 && experts == 0) fault("expert", "the model has no experts; expected 1");
    if (plan_.overlap_shared_experts && model_.experts.shared == 0)
      fault("overlap_shared_experts", "the model has no shared experts; expected false");
    if (experts == 0) return;
    divides("expert", experts, "experts", plan_.expert);
    divides("tensor", model_.experts.ffn, "FFN columns of an expert", plan_.tensor);
    if (plan_.replicas() % plan_.expert != 0)
      fault("expert", fmt::format("data {} x context {} = {} ranks, of which so many share the experts, do not divide "
                                  "by {}",
                                  plan_.data, plan_.context, plan_.replicas(), plan_.expert));
    if (plan_.shard > 0 && plan_.expert > 1)
      fault("shard", "with expert parallelism the shards are all ranks that hold the same parameters; leave it out");
  }

  void check_sequence() {
    const auto only_one = [&](const char* key, std::int64_t degree) {
      if (degree > 1) fault(key, fmt::format("'{}' is no transformer; expected 1, found {}", model_.name, degree));
    };
    only_one("tensor", plan_.tensor);
    only_one("context", plan_.context);
    only_one("expert", plan_.expert);
    if (plan_.recompute == Recompute::selective) fault("recompute", "selective is of attention; expected none or full");
    if (plan_.sequence_parallel) fault("sequence_parallel", fmt::format("'{}' is no transformer", model_.name));
    if (plan_.overlap_shared_experts)
      fault("overlap_shared_experts", fmt::format("'{}' is no transformer", model_.name));
  }

  void check_sharding() {
    if (plan_.shard > 0 && plan_.zero == 0) fault("shard", "nothing is sharded with zero 0; expected zero 1, 2 or 3");
    if (plan_.shard > 0) divides("shard", plan_.replicas(), "data-parallel ranks", plan_.shard);
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
    const double kept = 40 * (plan_.attention == AttentionKind::flash ? 0 : scores) + 40 * tokens * widths +
                        40 * expert_elements(tokens);
    if (scores > most_counted || kept * real(std::max(passes, model_.layers)) > most_counted)
      fault("micro_batch", fmt::format("{} sequences of {} tokens are more than this program counts", plan_.micro_batch,
                                       model_.seq_len));
    check_buckets();
  }

  /// Of what experts work on, for so many tokens; with a capacity each expert has at least one row.
  [[nodiscard]] double expert_elements(double tokens) const {
    const Experts& e = model_.experts;
    if (e.count == 0) return 0;
    const auto real = [](std::int64_t x) { return static_cast<double>(x); };
    const double rows = tokens * real(e.per_token) * std::max(1.0, e.capacity_factor) + real(e.count);
    return rows * real(2 * model_.hidden + 3 * e.ffn) + tokens * real(e.shared * e.ffn * 3 + e.count);
  }

  void check_buckets() {
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

std::vector<PlanFault> check_plan(const Model& model, const Plan& plan, std::int64_t gpus) {
  return PlanCheck(model, plan, gpus).run();
}

}  // namespace rehearse
