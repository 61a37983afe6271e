// What the tests of experts and of latent attention share: models and plans, drawn or published, and their kernels.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/support/dice.hpp"
#include "workloads/steps.hpp"

namespace rehearse::testing {

/// Sizes that every plan of plan_of divides.
inline Model random_model(Dice& dice) {
  Model m;
  m.layers = 4;
  m.heads = 8 * (1 + dice.below(3));
  m.head_dim = 8 * (1 + dice.below(8));
  m.kv_heads = dice.one_in(2) ? m.heads : 8;
  m.hidden = 16 * (1 + dice.below(40));
  m.ffn = 16 * (1 + dice.below(100));
  m.vocab = 1024 * (1 + dice.below(50));
  m.seq_len = 32 * (1 + dice.below(20));
  m.activation = dice.of<Activation>({Activation::gelu, Activation::swiglu, Activation::squared_relu});
  m.norm = dice.of<Norm>({Norm::layer_norm, Norm::rms_norm});
  m.positions = dice.of<Positions>({Positions::learned, Positions::rotary});
  m.bias = dice.one_in(2), m.tied_embeddings = dice.one_in(2), m.dropout = dice.one_in(2);
  m.experts = {.count = 8 * (1 + dice.below(4)),
               .per_token = 1 + dice.below(8),
               .ffn = 8 * (1 + dice.below(30)),
               .shared = dice.below(3),
               .first_dense = dice.below(3),
               .every = 1 + dice.below(2)};
  if (dice.one_in(2)) {
    m.kv_heads = m.heads;
    m.latent = {.query_rank = dice.one_in(2) ? 0 : 1 + dice.below(100),
                .kv_rank = 1 + dice.below(100),
                .rotary = dice.below(m.head_dim),
                .value_dim = 1 + dice.below(64)};
  }
  return m;
}

inline Plan random_plan(Dice& dice) {
  Plan plan;
  plan.tensor = dice.divisor(8), plan.expert = dice.divisor(8);
  plan.pipeline = dice.divisor(4);
  plan.data = 8, plan.context = 1;
  plan.micro_batch = 1 + dice.below(2);
  plan.global_batch = plan.micro_batch * plan.data * 4;
  plan.sequence_parallel = dice.one_in(2);
  plan.overlap_shared_experts = dice.one_in(2);
  plan.overlap_weight_gradient = dice.one_in(2);
  plan.tensor_overlap = dice.divisor(4);
  return plan;
}

template <class F>
void for_random_plans(std::uint64_t seed, F check) {
  Dice dice(seed);
  for (int round = 0; round < 150; ++round) {
    CAPTURE(round);
    const Model model = random_model(dice);
    check(model, random_plan(dice), dice);
  }
}

inline Steps all_steps(const Model& model, const Plan& plan) {
  Steps out;
  for (std::int64_t chunk = 0; chunk < plan.chunks(); ++chunk) {
    for (Step& step : forward_steps(model, plan, chunk)) out.push_back(std::move(step));
    for (Step& step : backward_steps(model, plan, chunk)) out.push_back(std::move(step));
  }
  return out;
}

inline std::vector<KernelStep> kernels_of(const Steps& steps) {
  std::vector<KernelStep> out;
  for (const Step& step : steps)
    if (const auto* kernel = std::get_if<KernelStep>(&step)) out.push_back(*kernel);
  return out;
}

/// The first of that name.
inline Gemm gemm_of(const Steps& steps, const std::string& name) {
  for (const KernelStep& step : kernels_of(steps))
    if (step.kernel.name == name) return std::get<Gemm>(step.kernel.work);
  FAIL("no kernel '" << name << "'");
  return {};
}

inline Model deepseek_v2() {
  Model m;
  m.layers = 2, m.hidden = 5120, m.heads = m.kv_heads = 128, m.head_dim = 192, m.ffn = 12288;
  m.latent = {.query_rank = 1536, .kv_rank = 512, .rotary = 64, .value_dim = 128};
  m.experts = {.count = 160, .per_token = 6, .ffn = 1536, .shared = 2, .first_dense = 1};
  m.vocab = 102400, m.seq_len = 4096;
  m.activation = Activation::swiglu, m.norm = Norm::rms_norm, m.positions = Positions::rotary;
  m.bias = m.dropout = m.tied_embeddings = false;
  return m;
}

inline bool alike(const Gemm& gemm, std::int64_t m, std::int64_t n, std::int64_t k, std::int64_t batch = 1) {
  return gemm.m == m && gemm.n == n && gemm.k == k && gemm.batch == batch;
}

}  // namespace rehearse::testing
