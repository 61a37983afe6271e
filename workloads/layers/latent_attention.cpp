// Multi-head latent attention (DeepSeek-V2, arXiv 2405.04434, Section 2.1): narrow products, which every tensor rank
// does for its tokens, a norm, and wide ones, of which each rank has some heads. A key is wide for each head, and for
// all of them has one part that carries the position. As in Megatron-LM, what the narrow products give is gathered
// where the sequence is cut.
#include "workloads/layers/attention_core.hpp"
#include "workloads/layers/layers.hpp"

namespace rehearse {

namespace {

struct Sizes {
  explicit Sizes(const StepWriter& w)
      : rotary(w.model.latent.rotary),
        query_rank(w.model.latent.query_rank),
        kv_rank(w.model.latent.kv_rank),
        queries(w.heads * w.model.head_dim),
        values(w.heads * w.model.latent.value_dim),
        up_width(w.heads * (w.model.head_dim - rotary) + values),
        heads_bytes(w.tokens * (2 * queries + values) * w.element),
        core{w.heads, w.heads, w.model.head_dim, w.model.latent.value_dim},
        query_down{"query down", w.local_tokens, w.hidden, query_rank},
        query_up{"query up", w.tokens, query_rank, queries},
        query{"query", w.tokens, w.hidden, queries},
        kv_down{"kv down", w.local_tokens, w.hidden, kv_rank + rotary},
        kv_up{"kv up", w.tokens, kv_rank, up_width},
        projection{"projection", w.tokens, values, w.hidden} {}

  std::int64_t rotary, query_rank, kv_rank;
  std::int64_t queries, values, up_width;  ///< of a token, all heads of this rank
  std::int64_t heads_bytes;                ///< of queries, keys and values
  AttentionCore core;
  Linear query_down, query_up, query, kv_down, kv_up, projection;
};

/// Turns queries where they lie; puts keys together of what is each head's own and what they share, and lays values
/// apart. Backward the other way round.
void make_heads(StepWriter& w, const Sizes& s, std::string_view name) {
  if (s.rotary == 0) return;
  const std::int64_t turned = w.model.positions == Positions::rotary ? 2 * w.heads * s.rotary : 0;
  w.stream(name, StreamKind::rotary, w.element, w.tokens * (turned + s.up_width + s.rotary + s.queries + s.values));
}

/// Of a narrow vector: an RMS norm, whatever the model's own.
void narrow_norm(StepWriter& w, std::string_view name, std::int64_t width) {
  w.stream(name, StreamKind::rms_norm_forward, 2 * w.element, w.local_tokens * width);
}
void narrow_norm_gradient(StepWriter& w, std::string_view name, std::int64_t width) {
  w.stream(name, StreamKind::rms_norm_backward, 3 * w.element, w.local_tokens * width);
}

void queries_forward(StepWriter& w, const Sizes& s) {
  if (s.query_rank == 0) return column_parallel_forward(w, s.query);
  const std::int64_t narrow = w.local_tokens * s.query_rank * w.element;
  linear_forward(w, s.query_down);
  w.keep("query latent", narrow);
  w.keep("query latent norm", narrow);
  narrow_norm(w, "query norm", s.query_rank);
  column_parallel_forward(w, s.query_up);
}

void keys_values_forward(StepWriter& w, const Sizes& s) {
  linear_forward(w, s.kv_down);
  w.keep("kv latent", w.local_tokens * s.kv_down.outputs * w.element);
  w.keep("kv latent norm", w.local_tokens * s.kv_rank * w.element);
  narrow_norm(w, "kv norm", s.kv_rank);
  column_parallel_forward(w, s.kv_up);
  w.enter_parallel_region(w.tokens * s.rotary, Operand::rotary_key);
}

/// The gradient of the queries has been made, and goes.
void queries_backward(StepWriter& w, const Sizes& s) {
  if (s.query_rank == 0) return column_parallel_backward(w, s.query, {}, "query gradient");
  const std::int64_t narrow = w.local_tokens * s.query_rank * w.element;
  column_parallel_backward(w, s.query_up, "query latent norm", "query gradient");
  w.make("query latent gradient", narrow);
  narrow_norm_gradient(w, "query norm gradient", s.query_rank);
  w.drop("query latent", narrow);
  linear_backward(w, s.query_down);
  const OfWeight of_weight(w);
  w.unmake("query latent gradient", narrow);
}

/// So has that of what the wide product gave.
void keys_values_backward(StepWriter& w, const Sizes& s) {
  const std::int64_t narrow = w.local_tokens * s.kv_down.outputs * w.element;
  w.leave_parallel_region(w.tokens * s.rotary, Operand::rotary_key);
  column_parallel_backward(w, s.kv_up, "kv latent norm", "kv up output gradient");
  w.make("kv latent gradient", narrow);
  narrow_norm_gradient(w, "kv norm gradient", s.kv_rank);
  w.drop("kv latent", narrow);
  linear_backward(w, s.kv_down);
  const OfWeight of_weight(w);
  w.unmake("kv latent gradient", narrow);
}

void core_backward(StepWriter& w, const Sizes& s) {
  w.make("query gradient", w.tokens * s.queries * w.element);
  w.make("key and value gradient", w.tokens * (s.queries + s.values) * w.element);
  attention_core_backward(w, s.core);
  w.unmake("context gradient", w.tokens * s.values * w.element);
  w.make("kv up output gradient", w.tokens * s.up_width * w.element);
  make_heads(w, s, "heads gradient");
  w.unmake("key and value gradient", w.tokens * (s.queries + s.values) * w.element);
  w.drop("queries, keys, values", s.heads_bytes);
}

}  // namespace

void latent_attention_forward(StepWriter& w) {
  const Sizes s(w);
  norm_forward(w, "attention input", "attention norm");
  queries_forward(w, s);
  keys_values_forward(w, s);
  w.keep("queries, keys, values", s.heads_bytes);
  make_heads(w, s, "heads");
  attention_core_forward(w, s.core);
  w.keep("context", w.tokens * s.values * w.element);
  row_parallel_forward(w, s.projection);
  residual_forward(w, "attention mask");
}

void latent_attention_backward(StepWriter& w) {
  const Sizes s(w);
  residual_backward(w, "attention mask");
  w.make("context gradient", w.tokens * s.values * w.element);
  row_parallel_backward(w, s.projection, "context", "projection output gradient");
  core_backward(w, s);
  keys_values_backward(w, s);
  queries_backward(w, s);
  add_gradients(w, "attention norm gradients");
  {
    const OfWeight of_weight(w);
    w.drop("attention norm", w.stream_bytes);
  }
  norm_backward(w, "attention input");
}

}  // namespace rehearse
