#include "workloads/memory.hpp"

#include <algorithm>

#include "workloads/pipeline/schedule.hpp"
#include "workloads/transformer_kernels.hpp"

namespace rehearse {

namespace {

/// Bytes kept for each token, by what tensor parallelism leaves whole and what it splits.
struct PerToken {
  std::int64_t whole = 0, split = 0;
};

/// With fp16 elements, a GPT layer has whole = 10 h and split = 24 h + 5 a s (Korthikanti et al. 2022, equation 2).
PerToken kept_in_full(const Model& m, const Plan& plan, bool attention_core) {
  const std::int64_t e = element_bytes(plan.precision), mask = m.dropout ? 1 : 0;
  PerToken kept;
  kept.whole = m.hidden * (4 * e + 2 * mask);  // inputs of two norms and of the first product behind each; two masks
  kept.split = e * (2 * m.attention_width() + 2 * m.kv_width())  // Q, K, V and the input of the projection
               + e * (m.ffn_in_width() + m.ffn);                 // before and after the activation
  // Softmax output, dropout mask, dropout output: s for each head. Flash attention keeps none of them.
  if (attention_core && plan.attention == AttentionKind::unfused)
    kept.split += m.heads * m.seq_len * (m.dropout ? 2 * e + 1 : e);
  return kept;
}

Bytes of_tokens(const PerToken& kept, const Model& model, const Plan& plan) {
  const std::int64_t tokens = plan.micro_batch * model.seq_len;
  const std::int64_t whole = plan.sequence_parallel ? kept.whole / plan.tensor : kept.whole;
  return Bytes(tokens * (whole + kept.split / plan.tensor));
}

/// Most bytes of activations that `stage` keeps at a time, following its passes.
Bytes most_kept(const Plan& plan, std::int64_t stage, const std::vector<Bytes>& per_chunk) {
  Bytes now, most;
  for (const Pass& pass : pipeline_table().find(plan.schedule)->order(plan, stage)) {
    const Bytes bytes = per_chunk[static_cast<std::size_t>(pass.chunk * plan.pipeline + stage)];
    now = pass.phase == Phase::forward ? now + bytes : now - bytes;
    most = std::max(most, now);
  }
  return most;
}

}  // namespace

Bytes layer_activations_in_full(const Model& model, const Plan& plan) {
  return of_tokens(kept_in_full(model, plan, true), model, plan);
}

Bytes layer_activations(const Model& model, const Plan& plan) {
  if (plan.recompute == Recompute::none) return layer_activations_in_full(model, plan);
  if (plan.recompute == Recompute::selective) return of_tokens(kept_in_full(model, plan, false), model, plan);
  return of_tokens({.whole = element_bytes(plan.precision) * model.hidden}, model, plan);  // the layer's input
}

std::vector<Bytes> chunk_activations(const Model& model, const Plan& plan) {
  const LayerRange range = layers_of(model, plan, 0);
  std::vector<Bytes> out(static_cast<std::size_t>(plan.chunks()),
                         layer_activations(model, plan) * (range.last - range.first));
  const std::int64_t tokens = plan.micro_batch * model.seq_len, e = element_bytes(plan.precision);
  const std::int64_t local = plan.sequence_parallel ? tokens / plan.tensor : tokens;
  out.front() += Bytes(model.dropout ? local * model.hidden : 0);
  out.back() += Bytes(local * model.hidden * 2 * e + tokens * 4 * (padded_vocab(model, plan) / plan.tensor));
  return out;
}

StageMemory stage_memory(const Model& model, const Plan& plan, std::int64_t stage) {
  std::int64_t parameters = 0;
  for (std::int64_t c = 0; c < plan.virtual_stages; ++c)
    parameters += chunk_parameters(model, plan, c * plan.pipeline + stage);
  const std::int64_t shards = plan.zero >= 1 ? plan.data : 1;
  StageMemory memory;
  memory.weights = Bytes(parameters * element_bytes(plan.precision));
  memory.gradients = Bytes(parameters * element_bytes(plan.gradient_precision));
  memory.optimizer = Bytes((12 * parameters + shards - 1) / shards);
  memory.activations = most_kept(plan, stage, chunk_activations(model, plan));
  memory.recomputation = layer_activations_in_full(model, plan) - layer_activations(model, plan);
  return memory;
}

}  // namespace rehearse
