// Attention by heads: each tensor rank has some (Shoeybi et al. 2019, Section 3), with fewer KV heads than ranks each
// at least one.
#include "workloads/layers/attention_core.hpp"
#include "workloads/layers/layers.hpp"

namespace rehearse {

namespace {

struct Sizes {
  explicit Sizes(const StepWriter& w)
      : width(w.heads * w.model.head_dim),
        qkv_width((w.heads + 2 * w.kv_heads) * w.model.head_dim),
        core{w.heads, w.kv_heads, w.model.head_dim, w.model.head_dim},
        qkv{"qkv", w.tokens, w.hidden, qkv_width},
        projection{"projection", w.tokens, width, w.hidden} {}

  std::int64_t width, qkv_width;
  AttentionCore core;
  Linear qkv, projection;
};

void rotate(StepWriter& w, std::string_view name) {
  if (w.model.positions == Positions::rotary)
    w.stream(name, StreamKind::rotary, 2 * w.element, w.tokens * (w.heads + w.kv_heads) * w.model.head_dim);
}

}  // namespace

void attention_forward(StepWriter& w) {
  if (w.model.is_latent()) return latent_attention_forward(w);
  const Sizes s(w);
  norm_forward(w, "attention input", "attention norm");
  column_parallel_forward(w, s.qkv);
  w.keep("queries, keys, values", w.tokens * s.qkv_width * w.element);
  rotate(w, "rotary");
  attention_core_forward(w, s.core);
  w.keep("context", w.tokens * s.width * w.element);
  row_parallel_forward(w, s.projection);
  residual_forward(w, "attention mask");
}

void attention_backward(StepWriter& w) {
  if (w.model.is_latent()) return latent_attention_backward(w);
  const Sizes s(w);
  residual_backward(w, "attention mask");
  w.make("context gradient", w.tokens * s.width * w.element);
  row_parallel_backward(w, s.projection, "context", "projection output gradient");
  w.make("qkv gradient", w.tokens * s.qkv_width * w.element);
  attention_core_backward(w, s.core);
  w.unmake("context gradient", w.tokens * s.width * w.element);
  rotate(w, "rotary gradient");
  w.drop("queries, keys, values", w.tokens * s.qkv_width * w.element);
  column_parallel_backward(w, s.qkv, "attention norm", "qkv gradient");
  norm_backward(w, "attention input");
}

}  // namespace rehearse
