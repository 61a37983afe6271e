// Kernels and collectives of a transformer: FLOPs against the published formulas, collectives against the papers.
#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <tuple>

#include "tests/support/relative.hpp"
#include "workloads/parameters.hpp"
#include "workloads/steps.hpp"

using namespace rehearse;

namespace {

Model gpt(std::int64_t layers, std::int64_t hidden, std::int64_t heads) {
  return {.layers = layers,
          .hidden = hidden,
          .heads = heads,
          .kv_heads = heads,
          .head_dim = hidden / heads,
          .ffn = 4 * hidden,
          .vocab = 51200,
          .seq_len = 2048};
}

Model llama() {
  Model m = gpt(16, 4096, 32);
  m.kv_heads = 8, m.ffn = 14336, m.vocab = 128 * 1024, m.seq_len = 8192;
  m.activation = Activation::swiglu, m.norm = Norm::rms_norm, m.positions = Positions::rotary;
  m.bias = m.dropout = m.tied_embeddings = false;
  return m;
}

Plan plan_of(std::int64_t tensor, std::int64_t pipeline, std::int64_t virtual_stages, Recompute recompute) {
  Plan plan;
  plan.tensor = tensor, plan.pipeline = pipeline, plan.virtual_stages = virtual_stages;
  plan.schedule = virtual_stages > 1 ? "interleaved" : "1f1b";
  plan.data = 2, plan.micro_batch = 2, plan.global_batch = 64;
  plan.recompute = recompute;
  return plan;
}

/// The steps of one micro batch on one tensor rank, all chunks.
Steps all_steps(const Model& model, const Plan& plan) {
  Steps out;
  for (std::int64_t chunk = 0; chunk < plan.chunks(); ++chunk) {
    for (Step& step : forward_steps(model, plan, chunk)) out.push_back(std::move(step));
    for (Step& step : backward_steps(model, plan, chunk)) out.push_back(std::move(step));
  }
  return out;
}

/// FLOPs of the matrix products of all ranks in one iteration, by kind.
std::map<Kind, double> flops_by_kind(const Model& model, const Plan& plan) {
  std::map<Kind, double> sums;
  for (const Step& step : all_steps(model, plan))
    if (const auto* kernel = std::get_if<KernelStep>(&step))
      sums[kernel->kind] +=
          kernel->kernel.flops().value() * static_cast<double>(plan.micro_batches() * plan.data * plan.tensor);
  return sums;
}

double flops(const Model& model, const Plan& plan) {
  double sum = 0;
  for (const auto& [kind, part] : flops_by_kind(model, plan)) sum += part;
  return sum;
}

/// Narayanan et al. 2021, Section 5.1: `factor` B s l h^2 (1 + s / (6 h) + V / (`head` l h)).
double sc21_flops(double factor, double head, const Model& m, const Plan& plan) {
  const auto B = static_cast<double>(plan.global_batch), s = static_cast<double>(m.seq_len),
             l = static_cast<double>(m.layers), h = static_cast<double>(m.hidden), V = static_cast<double>(m.vocab);
  return factor * B * s * l * h * h * (1 + s / (6 * h) + V / (head * l * h));
}

/// Collectives of the tensor group in one layer (the first) by (op, elements, bytes of one).
using Calls = std::map<std::tuple<CollectiveOp, std::int64_t, std::int64_t>, int>;
Calls layer_calls(const Model& model, const Plan& plan) {
  Calls calls;
  for (const Step& step : all_steps(model, plan))
    if (const auto* call = std::get_if<CollectiveStep>(&step); call != nullptr && call->layer == 0) {
      CHECK(call->group == GroupKind::tensor);
      CHECK((call->blocking || call->operand == Operand::region_input));
      ++calls[{call->op, call->elements, call->element_bytes}];
    }
  return calls;
}

bool close(double a, double b) { return std::abs(a - b) <= 1e-12 * std::abs(b); }

}  // namespace

TEST_CASE("transformer: FLOPs over all ranks are the SC'21 formulas, however the model is split") {
  for (const auto& [layers, hidden, heads] : {std::tuple{24, 2304, 24}, {48, 8192, 64}, {96, 16384, 128}}) {
    const Model model = gpt(layers, hidden, heads);
    for (const auto& [t, p, v] : {std::tuple{1, 1, 1}, {2, 1, 1}, {8, 1, 1}, {1, 4, 1}, {4, 2, 3}, {8, 8, 1}})
      for (bool sequence_parallel : {false, true}) {
        CAPTURE(hidden);
        CAPTURE(t);
        CAPTURE(p);
        Plan plan = plan_of(t, p, v, Recompute::full);
        plan.sequence_parallel = sequence_parallel;
        CHECK(close(flops(model, plan), sc21_flops(96, 16, model, plan)));
        plan.recompute = Recompute::none;
        CHECK(close(flops(model, plan), sc21_flops(72, 12, model, plan)));
        CHECK(close(flops(model, plan), model_flops(model, plan.global_batch).value()));
      }
  }
}

TEST_CASE("transformer: backward FLOPs are twice the forward's, and full recomputation is the layers' forward again") {
  const Model model = llama();
  const auto full = flops_by_kind(model, plan_of(2, 2, 1, Recompute::full));
  CHECK(close(full.at(Kind::backward), 2 * full.at(Kind::forward)));
  const double head = 2.0 * 64 * 8192 * 4096 * 128 * 1024;
  CHECK(close(full.at(Kind::recompute), full.at(Kind::forward) - head));
  // Selective (Korthikanti et al. 2022, Section 5): only the two products of attention, 4 B s^2 a d l.
  const auto selective = flops_by_kind(model, plan_of(2, 2, 1, Recompute::selective));
  CHECK(close(selective.at(Kind::recompute), 4.0 * 64 * 8192 * 8192 * 4096 * 16));
  CHECK(flops_by_kind(model, plan_of(2, 2, 1, Recompute::none)).count(Kind::recompute) == 0);
}

TEST_CASE("transformer: grouped queries, gates and flash attention") {
  const Model model = llama();
  for (std::int64_t t : {1, 2, 4, 8}) {
    Plan plan = plan_of(t, 2, 1, Recompute::none);
    CHECK(close(flops(model, plan), model_flops(model, 64).value()));
    // Causal: half of the two products; five for four backward, one of them a recomputation (Dao et al. 2022).
    const double attention = 4.0 * 64 * 8192 * 8192 * 4096 * 16;  // forward, in full
    plan.attention = AttentionKind::flash;
    CHECK(close(flops(model, plan), model_flops(model, 64).value() - 3 * attention + 0.5 * (1 + 2.5) * attention));
  }
  // By hand, one token of one layer: QKV and projection 2 h (h + 2 h / 4) + 2 h h, three MLP products of 2 h f.
  Model one = model;
  one.layers = 1, one.vocab = 1;
  const double h = 4096, f = 14336, s = 8192;
  CHECK(close(model_flops(one, 1).value(), 3 * s * (2 * h * 1.5 * h + 2 * h * h + 3 * 2 * h * f + 4 * s * h + 2 * h)));
}

TEST_CASE("transformer: KV heads fewer than tensor ranks are computed on each") {
  const Model model = llama();  // 8 KV heads
  const double extra =
      flops(model, plan_of(16, 1, 1, Recompute::none)) - flops(model, plan_of(8, 1, 1, Recompute::none));
  // One KV head a rank: 16 instead of 8; K and V, three products, 64 sequences of 8192 tokens, 16 layers.
  CHECK(extra == testing::relative(3 * 2.0 * 64 * 8192 * 16 * 4096 * 2 * 8 * 128, 1e-9));
}

TEST_CASE("transformer: all_reduces of a layer (Narayanan et al. 2021, Section 2.3)") {
  const Model model = gpt(4, 1024, 16);
  const std::int64_t activations = 2 * 2048 * 1024;
  const auto all_reduces = [&](int count) { return Calls{{{CollectiveOp::all_reduce, activations, 2}, count}}; };
  CHECK(layer_calls(model, plan_of(1, 2, 1, Recompute::full)).empty());
  CHECK(layer_calls(model, plan_of(4, 2, 1, Recompute::none)) == all_reduces(4));
  CHECK(layer_calls(model, plan_of(4, 2, 1, Recompute::selective)) == all_reduces(4));
  CHECK(layer_calls(model, plan_of(4, 2, 1, Recompute::full)) == all_reduces(6));
}

TEST_CASE("transformer: sequence parallelism moves the same bytes as pairs (Korthikanti et al. 2022, Section 4.2)") {
  const Model model = gpt(4, 1024, 16);
  const std::int64_t activations = 2 * 2048 * 1024;
  for (const auto& [recompute, pairs] :
       {std::pair{Recompute::none, 4}, {Recompute::selective, 4}, {Recompute::full, 6}}) {
    Plan plan = plan_of(4, 2, 1, recompute);
    plan.sequence_parallel = true;
    // And what a column-parallel layer took is gathered once more for the gradient of its weight.
    CHECK(layer_calls(model, plan) == Calls{{{CollectiveOp::all_gather, activations, 2}, pairs + 2},
                                            {{CollectiveOp::reduce_scatter, activations, 2}, pairs}});
    plan.tensor = 1;
    CHECK(layer_calls(model, plan).empty());
  }
}

TEST_CASE("transformer: embedding and head") {
  const Model model = gpt(4, 1024, 16);
  Plan plan = plan_of(4, 2, 1, Recompute::full);
  plan.precision = Precision::fp32;
  const auto outside_layers = [&](const Steps& steps) {
    Calls calls;
    for (const Step& step : steps)
      if (const auto* call = std::get_if<CollectiveStep>(&step); call != nullptr && call->layer < 0)
        ++calls[{call->op, call->elements, call->element_bytes}];
    return calls;
  };
  const std::int64_t tokens = 2 * 2048;
  const Calls whole{{{CollectiveOp::all_reduce, tokens * 1024, 4}, 1}};
  CHECK(outside_layers(forward_steps(model, plan, 0)) == whole);  // the embedding's rows
  CHECK(outside_layers(backward_steps(model, plan, 0)).empty());
  CHECK(outside_layers(forward_steps(model, plan, 1)) ==
        Calls{{{CollectiveOp::all_reduce, tokens, 4}, 3}});        // the loss
  CHECK(outside_layers(backward_steps(model, plan, 1)) == whole);  // gradient of the head's input
}

TEST_CASE("transformer: parameters of all chunks are the model's, and padding and copies besides") {
  const Model model = gpt(24, 2304, 24);
  for (const auto& [t, p, v] : {std::tuple{1, 1, 1}, {8, 1, 1}, {2, 4, 3}}) {
    const Plan plan = plan_of(t, p, v, Recompute::none);
    std::int64_t sum = 0;
    for (std::int64_t chunk = 0; chunk < plan.chunks(); ++chunk) sum += t * chunk_held(model, plan, chunk).all();
    // Each tensor rank holds its own positions and norms and the biases behind row-parallel products; the last of
    // several stages a copy of the table.
    const std::int64_t copies =
        (t - 1) * (model.seq_len + 2 + 6 * model.layers) * model.hidden + (p > 1 ? model.vocab * model.hidden : 0);
    CHECK(sum == model.parameters() + copies);
  }
  CHECK(padded_vocab(model, plan_of(8, 1, 1, Recompute::none)) == 51200);
  Model odd = model;
  odd.vocab = 50257;
  CHECK(padded_vocab(odd, plan_of(1, 1, 1, Recompute::none)) == 50304);
  CHECK(padded_vocab(odd, plan_of(8, 1, 1, Recompute::none)) == 51200);
  // The family as published (SC'21, Table 1): 1.7 and 1,008 billion, to its last digit.
  CHECK(std::abs(static_cast<double>(model.parameters()) - 1.7e9) < 0.05e9);
  CHECK(std::abs(static_cast<double>(gpt(128, 25600, 160).parameters()) - 1008.0e9) < 0.05e9);
}
