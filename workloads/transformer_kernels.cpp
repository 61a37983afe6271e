#include "workloads/transformer_kernels.hpp"

#include <algorithm>
#include <array>

namespace rehearse {

namespace {

std::int64_t round_up(std::int64_t value, std::int64_t step) { return (value + step - 1) / step * step; }

}  // namespace

std::int64_t padded_vocab(const Model& model, const Plan& plan) { return round_up(model.vocab, 128 * plan.tensor); }

LayerRange layers_of(const Model& model, const Plan& plan, std::int64_t chunk) {
  const std::int64_t per_chunk = model.layers / plan.chunks();
  return {chunk * per_chunk, (chunk + 1) * per_chunk};
}

std::string_view group_kind_name(GroupKind kind) {
  constexpr std::array<std::string_view, group_kind_count> names{"tensor", "data", "embedding"};
  return names[static_cast<std::size_t>(kind)];
}

std::int64_t chunk_parameters(const Model& model, const Plan& plan, std::int64_t chunk) {
  const LayerRange range = layers_of(model, plan, chunk);
  // Norms are whole on every tensor rank and everything else is split; the difference is below 0.01 %, and counting
  // all of it as split is what the published accounts do.
  std::int64_t parameters = (range.last - range.first) * model.layer_parameters() / plan.tensor;
  const std::int64_t table = padded_vocab(model, plan) / plan.tensor * model.hidden;
  const bool first = chunk == 0, last = chunk + 1 == plan.chunks();
  if (first) parameters += table + (model.embedding_parameters() - model.vocab * model.hidden);
  if (last) parameters += model.head_parameters() - (model.tied_embeddings ? 0 : model.vocab * model.hidden);
  // An untied output layer, or the copy of the tied one that the last stage keeps.
  if (last && (!model.tied_embeddings || !first)) parameters += table;
  return parameters;
}

std::int64_t chunk_tensors(const Model& model, const Plan& plan, std::int64_t chunk) {
  const LayerRange range = layers_of(model, plan, chunk);
  const std::int64_t norm = model.norm == Norm::layer_norm ? 2 : 1, linear = model.bias ? 2 : 1;
  const bool first = chunk == 0, last = chunk + 1 == plan.chunks();
  std::int64_t tensors = (range.last - range.first) * (4 * linear + 2 * norm);
  if (first) tensors += model.positions == Positions::learned ? 2 : 1;
  if (last) tensors += norm;
  if (last && (!model.tied_embeddings || !first)) ++tensors;
  return tensors;
}

Flops model_flops(const Model& m, std::int64_t global_batch) {
  const auto tokens = static_cast<double>(global_batch * m.seq_len);
  const auto h = static_cast<double>(m.hidden), a = static_cast<double>(m.attention_width());
  const double weights =
      h * (a + 2.0 * static_cast<double>(m.kv_width())) + a * h + h * static_cast<double>(m.ffn_in_width() + m.ffn);
  const double attention = 2.0 * static_cast<double>(m.seq_len) * a;
  const double layer = 2.0 * (weights + attention);
  const double head = 2.0 * h * static_cast<double>(m.vocab);
  return Flops(3.0 * tokens * (static_cast<double>(m.layers) * layer + head));
}

StepWriter::StepWriter(const Model& m, const Plan& p)
    : tokens(p.micro_batch * m.seq_len),
      local_tokens(p.sequence_parallel ? tokens / p.tensor : tokens),
      hidden(m.hidden),
      heads(m.heads / p.tensor),
      kv_heads(std::max<std::int64_t>(1, m.kv_heads / p.tensor)),
      qkv_width((heads + 2 * kv_heads) * m.head_dim),
      rotated_width((heads + kv_heads) * m.head_dim),
      attention_width(heads * m.head_dim),
      attention_batch(p.micro_batch * heads),
      seq(m.seq_len),
      head_dim(m.head_dim),
      ffn(m.ffn / p.tensor),
      ffn_in(m.ffn_in_width() / p.tensor),
      vocab(padded_vocab(m, p) / p.tensor),
      element(element_bytes(p.precision)),
      mask(m.dropout ? 1 : 0),
      model(m),
      plan(p) {}

void StepWriter::kernel(const char* name, std::variant<Stream, Gemm, Attention> work) {
  steps_.emplace_back(KernelStep{{.name = name, .work = work, .precision = plan.precision}, kind_, layer_, block_});
}

void StepWriter::gemm(const char* name, Layout layout, std::int64_t m, std::int64_t n, std::int64_t k,
                      std::int64_t batch) {
  kernel(name, Gemm{batch, m, n, k, layout});
}

void StepWriter::stream(const char* name, StreamKind kind, std::int64_t per_element, std::int64_t elements) {
  kernel(name, Stream{kind, Bytes(per_element * elements)});
}

void StepWriter::fused_attention(const char* name, bool backward) {
  kernel(name, Attention{.batch = plan.micro_batch,
                         .heads = heads,
                         .kv_heads = kv_heads,
                         .seq_q = seq,
                         .seq_kv = seq,
                         .head_dim = head_dim,
                         .causal = true,
                         .backward = backward,
                         .fused = true});
}

void StepWriter::tensor_collective(CollectiveOp op, std::int64_t elements, std::int64_t element_bytes) {
  if (plan.tensor > 1)
    steps_.emplace_back(CollectiveStep{
        .op = op, .elements = elements, .element_bytes = element_bytes, .kind = Kind::tensor_comm, .layer = layer_});
}

void StepWriter::enter_parallel_region() {
  if (plan.sequence_parallel) tensor_collective(CollectiveOp::all_gather, tokens * hidden, element);
}

void StepWriter::leave_parallel_region() {
  tensor_collective(plan.sequence_parallel ? CollectiveOp::reduce_scatter : CollectiveOp::all_reduce, tokens * hidden,
                    element);
}

/// softmax(Q K^T) V.
void StepWriter::attention_core_forward() {
  if (plan.attention == AttentionKind::flash) return fused_attention("flash attention", false);
  const std::int64_t scores = attention_batch * seq * seq;
  gemm("scores", Layout::tn, seq, seq, head_dim, attention_batch);
  stream("mask and softmax", StreamKind::softmax_forward, 2 * element, scores);
  if (mask > 0) stream("attention dropout", StreamKind::dropout_add_forward, 2 * element + mask, scores);
  gemm("context", Layout::nn, seq, head_dim, seq, attention_batch);
}

}  // namespace rehearse
