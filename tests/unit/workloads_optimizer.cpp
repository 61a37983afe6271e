// Optimizers: bytes of states and bytes moved, for each parameter; Adafactor's by the shapes of tensors.
#include <doctest/doctest.h>

#include "workloads/optimizer.hpp"
#include "workloads/parameters.hpp"

using namespace rehearse;

namespace {

Plan plan_of(Optimizer optimizer) {
  Plan plan;
  plan.optimizer = optimizer;
  plan.clip_gradients = false;
  return plan;
}

Bytes moved(const Model& m, const Plan& plan, const SteppedParameters& parameters) {
  Bytes sum;
  for (const Step& step : optimizer_steps(m, plan, parameters))
    sum += std::get<Stream>(std::get<KernelStep>(step).kernel.work).bytes;
  return sum;
}

}  // namespace

TEST_CASE("optimizers: bytes of states and bytes moved for a parameter") {
  struct Row {
    Optimizer optimizer;
    Precision states;
    bool master;
    std::int64_t kept, moved;  ///< bytes for a parameter in bf16 with gradients in fp32
  };
  // Weight and master copy and states read and written, the gradient read; without a copy the weight is read instead.
  for (const Row& row : {Row{Optimizer::adam, Precision::fp32, true, 12, 2 + 8 + 16 + 4},
                         Row{Optimizer::adam, Precision::bf16, true, 8, 2 + 8 + 8 + 4},
                         Row{Optimizer::adam, Precision::fp32, false, 8, 4 + 16 + 4},
                         Row{Optimizer::momentum, Precision::fp32, true, 8, 2 + 8 + 8 + 4},
                         Row{Optimizer::sgd, Precision::fp32, true, 4, 2 + 8 + 4},
                         Row{Optimizer::sgd, Precision::fp32, false, 0, 4 + 4}}) {
    CAPTURE(optimizer_name(row.optimizer));
    Plan plan = plan_of(row.optimizer);
    plan.optimizer_precision = row.states, plan.master_weights = row.master;
    const SteppedParameters thousand{1000, 30};
    CHECK(optimizer_bytes(plan, thousand).value() == 1000 * row.kept);
    CHECK(moved(Model{}, plan, thousand).value() == 1000 * row.moved);
    CHECK(stepped_bytes(plan, thousand).value() == 1000 * row.moved);
    plan.offload_optimizer = true;  // the GPU has nothing to do
    CHECK(moved(Model{}, plan, thousand).value() == 0);
  }
}

TEST_CASE("optimizers: Adafactor keeps a sum of each row and column, and vectors whole") {
  // Shazeer and Stern 2018, Section 3: n + m instead of n m.
  const Model m{
      .layers = 2, .hidden = 64, .heads = 4, .kv_heads = 4, .head_dim = 16, .ffn = 256, .vocab = 1024, .seq_len = 32};
  const Plan plan = plan_of(Optimizer::adafactor);
  const std::int64_t layer = (192 + 64) + 192 + (64 + 64) + 64     // attention
                             + (256 + 64) + 256 + (64 + 256) + 64  // MLP
                             + 4 * 64;                             // norms
  const SteppedParameters parameters = stepped_parameters(plan, chunk_held(m, plan, 0));
  CHECK(parameters.factors == 2 * layer + (1024 + 64) + (32 + 64) + 2 * 64);
  CHECK(optimizer_bytes(plan, parameters).value() == 4 * parameters.elements + 4 * parameters.factors);
  // The update, and before it two more readings of the gradient and one of the weight.
  CHECK(moved(m, plan, parameters).value() == (2 + 8 + 4 + 4 + 4 + 4) * parameters.elements + 8 * parameters.factors);
}

TEST_CASE("optimizers: Adafactor's sums under tensor parallelism are of what a rank holds, of experts one by one") {
  Model m{
      .layers = 1, .hidden = 64, .heads = 4, .kv_heads = 4, .head_dim = 16, .ffn = 256, .vocab = 1024, .seq_len = 32};
  m.bias = false;
  m.experts = {.count = 4, .per_token = 1, .ffn = 128};
  Plan plan = plan_of(Optimizer::adafactor);
  plan.tensor = 2;
  const HeldParameters held = layer_held(m, plan, 0);
  CHECK(held.expert_factors == 4 * ((64 + 64) + (64 + 64)));
  CHECK(held.dense_factors == (96 + 64) + (64 + 32) + (4 + 64) + 4 * 64);
  plan.data = 4, plan.zero = 1;
  CHECK(stepped_parameters(plan, held).factors == (held.expert_factors + held.dense_factors) / 4);
}
