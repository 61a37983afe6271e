// A job of the same kind, small enough to be proved in a moment.
#include <algorithm>
#include <stdexcept>
#include <string_view>

#include <fmt/format.h>

#include "workloads/parameters.hpp"
#include "workloads/proof/proof.hpp"

namespace rehearse {

namespace {

constexpr std::int64_t most_tensor = 4, most_context = 4, most_pipeline = 8, most_data = 2, most_expert = 4;
constexpr std::int64_t most_chunks = 16, most_buckets = 4;

/// The largest divisor up to `most`; where that would be nothing of a degree, the degree.
std::int64_t reduced(std::int64_t degree, std::int64_t most) {
  std::int64_t out = 1;
  for (std::int64_t d = 1; d <= most; ++d)
    if (degree % d == 0) out = d;
  return out == 1 ? degree : out;
}

/// The shape of `m` under the scaled degrees: as few heads and columns as divide, and as many kinds of them.
Model scaled_transformer(const Model& m, const Plan& before, const Plan& plan) {
  const std::int64_t t = plan.tensor;
  Model out = m;
  out.kv_heads = m.kv_heads < before.tensor ? std::max<std::int64_t>(1, t * m.kv_heads / before.tensor) : t;
  while (t % out.kv_heads != 0) --out.kv_heads;
  out.heads = 2 * t;
  if (m.heads == m.kv_heads) out.kv_heads = out.heads;
  if (m.is_latent()) {
    out.kv_heads = out.heads;
    out.latent = {.query_rank = m.latent.query_rank > 0 ? 3 : 0,
                  .kv_rank = 4,
                  .rotary = m.latent.rotary > 0 ? 2 : 0,
                  .value_dim = 3};
  }
  out.head_dim = m.is_latent() ? out.latent.rotary + 2 : 4;
  out.hidden = out.attention_width();
  out.ffn = 3 * t;
  out.vocab = 128 * t - 5;  // a padded one with words on every rank
  const bool cuts_tokens = plan.sequence_parallel || plan.tensor_overlap > 1;
  const std::int64_t unit = cuts_tokens ? t * plan.tensor_overlap : 1, of_rank = (4 + unit - 1) / unit * unit;
  out.seq_len = plan.context * (of_rank + of_rank % 2 * of_rank);  // a piece from the front and one from the end
  if (m.experts.count > 0) {
    out.experts.count = 2 * plan.expert;
    out.experts.per_token = std::min<std::int64_t>(2, m.experts.per_token);
    out.experts.ffn = 2 * t;
    out.experts.capacity_factor = 0;  // tokens that are dropped are no function of the plan alone
    out.experts.shared = std::min<std::int64_t>(1, m.experts.shared);
    out.experts.first_dense = std::min<std::int64_t>(1, m.experts.first_dense);
  }
  return out;
}

/// A transformer in place of a model of another kind.
Model stand_in(const Model& m) {
  Model out;
  out.name = fmt::format("a transformer in place of {}", m.name);
  out.layers = m.layers;
  out.heads = out.kv_heads = 2;
  return out;
}

void scale_degrees(Plan& plan) {
  plan.tensor = reduced(plan.tensor, most_tensor);
  plan.context = reduced(plan.context, most_context);
  plan.expert = reduced(plan.expert, most_expert);
  const std::int64_t shards = plan.shards(), replicas = plan.replicas();
  plan.micro_batch = std::min<std::int64_t>(plan.micro_batch, 2);
  if (plan.shard > 0) plan.shard = std::min<std::int64_t>(2, shards);
  // As few ranks as have what they must in common.
  const std::int64_t groups = plan.shard > 0 ? plan.shard * std::min<std::int64_t>(2, replicas / shards) : 1;
  const std::int64_t least = std::min(plan.data, most_data);
  for (plan.data = 1; plan.data < least || plan.replicas() % plan.expert != 0 || plan.replicas() % groups != 0;)
    ++plan.data;
}

/// Fewer stages and micro batches that the schedule still runs.
void scale_pipeline(Plan& plan, std::int64_t micro_batches) {
  if (plan.pipeline > most_pipeline) plan.pipeline = plan.pipeline % 2 == 0 ? most_pipeline : most_pipeline - 1;
  while (plan.virtual_stages > 2 && plan.pipeline * plan.virtual_stages > most_chunks) --plan.virtual_stages;
  for (std::int64_t m = std::min(micro_batches, plan.pipeline + 2);; ++m) {
    plan.global_batch = m * plan.micro_batch * plan.data;
    if (plan.pipeline_row().check(plan.shape()).empty()) return;
    if (m > micro_batches + 4 * plan.pipeline)
      throw std::logic_error(fmt::format("no small number of micro batches for {}", plan.schedule));
  }
}

void scale_layers(const Model& before, const Plan& plan_before, Model& model, Plan& plan) {
  const std::int64_t chunks = plan.chunks(), each = before.layers > plan_before.chunks() ? 2 : 1;
  model.layers = chunks * each;
  if (plan.stages == StageSplit::balanced) ++model.layers;
  if (plan.stages == StageSplit::listed) {
    plan.stage_layers.resize(static_cast<std::size_t>(chunks));
    model.layers = 0;
    for (std::int64_t& layers : plan.stage_layers) model.layers += layers = std::min<std::int64_t>(layers, 2);
  }
  if (plan.recompute_layers > 0) plan.recompute_layers = 1;
  plan.recompute_interval = std::min(plan.recompute_interval, each);
  if (model.experts.count > 0) model.experts.every = std::min(model.experts.every, each);
}

/// As many buckets as before, up to a few.
void scale_buckets(const Model& before, const Plan& plan_before, const Model& model, Plan& plan) {
  if (plan.bucket_size == Bytes(0)) return;
  const std::int64_t bytes = element_bytes(plan.gradient_precision);
  const auto of_chunk = [](const Model& m, const Plan& p) { return chunk_held(m, p, 0).all(); };
  const std::int64_t whole = of_chunk(before, plan_before) * bytes;
  const std::int64_t buckets =
      std::clamp<std::int64_t>((whole + plan.bucket_size.value() - 1) / plan.bucket_size.value(), 1, most_buckets);
  const std::int64_t small = of_chunk(model, plan);
  plan.bucket_size = Bytes((small + buckets - 1) / buckets * bytes);
}

void note_changes(const Job& before, const Job& after, std::vector<std::string>& notes) {
  const auto note = [&](std::string_view what, std::int64_t from, std::int64_t to) {
    if (from != to) notes.push_back(fmt::format("{} {} -> {}", what, from, to));
  };
  const Plan &p = before.plan, &q = after.plan;
  const Model &m = before.model, &n = after.model;
  if (!m.is_transformer()) notes.push_back(n.name);
  note("tensor", p.tensor, q.tensor);
  note("context", p.context, q.context);
  note("expert", p.expert, q.expert);
  note("pipeline", p.pipeline, q.pipeline);
  note("virtual_stages", p.virtual_stages, q.virtual_stages);
  note("data", p.data, q.data);
  note("shard", p.shard, q.shard);
  note("micro_batch", p.micro_batch, q.micro_batch);
  note("micro batches", p.micro_batches(), q.micro_batches());
  note("bucket_size", p.bucket_size.value(), q.bucket_size.value());
  note("layers", m.layers, n.layers);
  if (!m.is_transformer()) return;
  note("hidden", m.hidden, n.hidden);
  note("heads", m.heads, n.heads);
  note("kv_heads", m.kv_heads, n.kv_heads);
  note("ffn", m.ffn, n.ffn);
  note("experts", m.experts.count, n.experts.count);
  note("vocab", m.vocab, n.vocab);
  note("seq_len", m.seq_len, n.seq_len);
}

}  // namespace

Job scaled_down(const Job& job, std::vector<std::string>& notes) {
  Job out = job;
  Plan& plan = out.plan;
  scale_degrees(plan);
  scale_pipeline(plan, job.plan.micro_batches());
  const Model model = job.model.is_transformer() ? job.model : stand_in(job.model);
  if (!job.model.is_transformer()) plan.data = std::max(plan.data, std::min(job.plan.data, most_data));
  out.model = scaled_transformer(model, job.plan, plan);
  scale_layers(model, job.plan, out.model, plan);
  scale_buckets(job.model, job.plan, out.model, plan);
  const std::vector<PlanFault> faults = check_plan(out.model, plan, plan.gpus());
  if (!faults.empty())
    throw std::logic_error(
        fmt::format("the plan made smaller cannot run: {}: {}", faults.front().key_path, faults.front().message));
  if (plan.gpus() > job.plan.gpus()) throw std::logic_error("the plan made smaller needs more GPUs");
  out.gpus.resize(static_cast<std::size_t>(plan.gpus()));
  note_changes(job, out, notes);
  return out;
}

}  // namespace rehearse
