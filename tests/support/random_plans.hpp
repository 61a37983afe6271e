// Random plans of every kind, with models that they can run: the same on every machine.
#pragma once

#include <algorithm>

#include "tests/support/dice.hpp"
#include "workloads/job.hpp"

namespace rehearse::testing {

class RandomPlan {
 public:
  explicit RandomPlan(std::uint64_t seed) : dice_(seed) {}

  /// A model and a plan that check_plan lets through, and GPUs 0.. for it; sizes are multiples of what cuts them.
  Job job() {
    for (;;) {
      draw_degrees();
      draw_pipeline();
      draw_model();
      draw_options();
      if (!check_plan(model_, plan_, plan_.gpus()).empty()) continue;
      Job job{.name = "random", .model = model_, .plan = plan_};
      for (std::uint32_t gpu = 0; gpu < plan_.gpus(); ++gpu) job.gpus.push_back(gpu);
      return job;
    }
  }

 private:
  template <class T>
  T any(const std::vector<T>& values) {
    return dice_.of(values);
  }
  bool coin() { return dice_.one_in(2); }

  void draw_degrees() {
    plan_ = {};
    plan_.tensor = any<std::int64_t>({1, 1, 2, 4});
    plan_.context = any<std::int64_t>({1, 1, 1, 2});
    plan_.data = any<std::int64_t>({1, 2, 3, 4});
    plan_.expert = dice_.divisor(plan_.replicas());
    plan_.micro_batch = 1 + dice_.below(2);
  }

  void draw_pipeline() {
    const std::vector<std::string> names = pipeline_table().names();
    plan_.schedule = dice_.word(names);
    const PipelineRow& row = plan_.pipeline_row();
    plan_.pipeline = any<std::int64_t>({1, 2, 3, 4});
    plan_.virtual_stages = plan_.schedule == "interleaved" ? 1 + dice_.below(3) : row.default_chunks;
    const std::int64_t micro_batches = dice_.one_in(3) ? 1 + dice_.below(8) : plan_.pipeline * (1 + dice_.below(3));
    plan_.global_batch = micro_batches * plan_.micro_batch * plan_.data;
    plan_.stages = coin() ? StageSplit::even : StageSplit::balanced;
  }

  void draw_model() {
    model_ = {};
    model_.name = "random";
    model_.layers = std::max<std::int64_t>(1, plan_.chunks()) * (1 + dice_.below(2)) + dice_.below(2);
    model_.heads = plan_.tensor * (1 + dice_.below(2));
    model_.head_dim = 2 * (1 + dice_.below(2));
    model_.hidden = model_.heads * model_.head_dim;
    model_.kv_heads = dice_.divisor(model_.heads);
    model_.ffn = plan_.tensor * (2 + dice_.below(5));
    model_.vocab = 128 * plan_.tensor;
    model_.seq_len = 2 * plan_.context * plan_.tensor * (1 + dice_.below(2));
    model_.activation = any<Activation>({Activation::gelu, Activation::swiglu, Activation::squared_relu});
    model_.norm = coin() ? Norm::layer_norm : Norm::rms_norm;
    model_.positions = coin() ? Positions::learned : Positions::rotary;
    model_.bias = coin(), model_.dropout = coin(), model_.tied_embeddings = coin();
    if (plan_.expert > 1 || dice_.one_in(3)) draw_experts();
    if (dice_.one_in(5)) draw_latent();
  }

  void draw_experts() {
    Experts& e = model_.experts;
    e.count = plan_.expert * (1 + dice_.below(2));
    e.per_token = 1 + dice_.below(e.count);
    e.ffn = plan_.tensor * (2 + dice_.below(3));
    e.shared = dice_.below(2);
    e.first_dense = dice_.below(2), e.every = 1 + dice_.below(2);
  }

  void draw_latent() {
    model_.kv_heads = model_.heads;
    model_.head_dim = 4;
    model_.latent = {.query_rank = 3 * dice_.below(2), .kv_rank = 3, .rotary = 2, .value_dim = 2 + dice_.below(2)};
  }

  void draw_options() {
    plan_.sequence_parallel = coin();
    plan_.tensor_overlap = 1 + dice_.below(2);
    plan_.overlap_weight_gradient = coin();
    plan_.context_exchange = coin() ? ContextExchange::ring : ContextExchange::all_gather;
    plan_.overlap_p2p = coin(), plan_.scatter_gather = coin();
    plan_.zero = dice_.below(4);
    if (plan_.zero > 0 && dice_.one_in(3)) plan_.shard = dice_.divisor(plan_.replicas());
    plan_.reshard_after_forward = coin();
    plan_.prefetch = dice_.below(3);
    plan_.reduce_every_micro_batch = coin();
    plan_.overlap_grad_reduce = coin();
    plan_.bucket_size = Bytes(any<std::int64_t>({0, 500, 4000}));
    plan_.recompute = any<Recompute>({Recompute::none, Recompute::selective, Recompute::full});
    plan_.recompute_interval = 1 + dice_.below(2);
    plan_.recompute_layers = dice_.below(3);
    plan_.attention = coin() ? AttentionKind::flash : AttentionKind::unfused;
  }

  Dice dice_;
  Plan plan_;
  Model model_;
};

}  // namespace rehearse::testing
