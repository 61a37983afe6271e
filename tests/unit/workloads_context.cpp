// Context parallelism: what the ranks that share a sequence compute, send and hold, against closed forms.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "platforms/kernel.hpp"
#include "workloads/steps.hpp"

using namespace rehearse;

namespace {

constexpr std::int64_t seq = 1024, hidden = 512, heads = 8, kv_heads = 4, head_dim = hidden / heads;

Model llama() {
  Model m{.layers = 2,
          .hidden = hidden,
          .heads = heads,
          .kv_heads = kv_heads,
          .head_dim = head_dim,
          .ffn = 4 * hidden,
          .vocab = 1024,
          .seq_len = seq};
  m.bias = m.dropout = false;
  return m;
}

Plan plan_of(std::int64_t context, ContextExchange exchange, AttentionKind attention) {
  Plan plan;
  plan.context = context, plan.context_exchange = exchange, plan.attention = attention;
  plan.micro_batch = 2, plan.global_batch = 2;
  return plan;
}

struct Case {
  ContextExchange exchange;
  AttentionKind attention;
};
/// All that a plan may ask for.
const std::vector<Case> cases{{ContextExchange::ring, AttentionKind::flash},
                              {ContextExchange::all_gather, AttentionKind::flash},
                              {ContextExchange::all_gather, AttentionKind::unfused}};

Steps joined(Steps forward, const Steps& backward) {
  forward.insert(forward.end(), backward.begin(), backward.end());
  return forward;
}
Steps steps_of(const Model& model, const Plan& plan) {
  return joined(forward_steps(model, plan, 0), backward_steps(model, plan, 0));
}

/// FLOPs of the kernels of a rank, by kind, times the ranks.
std::map<Kind, double> flops_of_ranks(const Model& model, const Plan& plan) {
  std::map<Kind, double> sums;
  for (const Step& step : steps_of(model, plan))
    if (const auto* kernel = std::get_if<KernelStep>(&step))
      sums[kernel->kind] += kernel->kernel.flops().value() * static_cast<double>(plan.context * plan.tensor);
  return sums;
}

/// Bytes of the vectors that one layer's calls in the context group have, by operation.
std::map<CollectiveOp, std::int64_t> bytes_of(const Steps& steps) {
  std::map<CollectiveOp, std::int64_t> sums;
  for (const Step& step : steps)
    if (const auto* call = std::get_if<CollectiveStep>(&step); call != nullptr && call->group == GroupKind::context) {
      CHECK(call->kind == Kind::context_comm);
      CHECK(call->operand == Operand::keys_values);
      if (call->layer == 0) sums[call->op] += call->elements * call->element_bytes;
    }
  return sums;
}

/// The most bytes of a use at any time; every block comes before it goes, and is gone at the end.
std::int64_t peak_of(const Steps& steps, MemoryUse use) {
  std::map<std::tuple<std::int16_t, std::string, MemoryUse>, std::int64_t> held;
  std::int64_t now = 0, most = 0;
  for (const Step& step : steps) {
    const auto* memory = std::get_if<MemoryStep>(&step);
    if (memory == nullptr) continue;
    std::int64_t& block = held[{memory->layer, std::string(memory->name), memory->use}];
    CHECK((memory->bytes > Bytes(0) ? block == 0 : block == -memory->bytes.value()));
    block += memory->bytes.value();
    if (memory->use == use) most = std::max(most, now += memory->bytes.value());
  }
  for (const auto& [name, bytes] : held) CHECK_MESSAGE(bytes == 0, std::get<std::string>(name));
  return most;
}

/// Of keys and values of all tokens of the micro batch, on a tensor rank.
constexpr std::int64_t keys_values_bytes(std::int64_t tensor) {
  return 2 * seq * 2 * (kv_heads / tensor) * head_dim * 2;
}

}  // namespace

TEST_CASE("context: FLOPs over the ranks are those of the whole sequences") {
  const Model model = llama();
  for (const Case& c : cases)
    for (const Recompute recompute : {Recompute::none, Recompute::selective, Recompute::full})
      for (const std::int64_t tensor : {1, 4}) {
        Plan whole = plan_of(1, c.exchange, c.attention);
        whole.tensor = tensor, whole.recompute = recompute;
        const std::map<Kind, double> expected = flops_of_ranks(model, whole);
        for (const std::int64_t context : {2, 4, 8, 16}) {
          Plan plan = whole;
          plan.context = context;
          CAPTURE(context);
          CHECK(flops_of_ranks(model, plan) == expected);
        }
      }
}

TEST_CASE("context: widths of values other than of keys count once in each product") {
  // Latent attention of DeepSeek-V2: keys of 128 + 64, values of 128. Products with keys or queries: Q K^T; backward
  // Q K^T again, dQ, dK; with values: P V; backward dP, dV.
  const Attention forward{.heads = 16, .seq_q = 64, .seq_kv = 64, .head_dim = 192, .causal = false, .value_dim = 128};
  CHECK(forward.flops().value() == 2.0 * 16 * 64 * 64 * (192 + 128));
  Attention backward = forward;
  backward.backward = true;
  CHECK(backward.flops().value() == 2.0 * 16 * 64 * 64 * (3 * 192 + 2 * 128));
  backward.fused = false;
  CHECK(backward.flops().value() == 2.0 * 16 * 64 * 64 * (2 * 192 + 2 * 128));
}

TEST_CASE("context: a ring passes each block to all others, gradients once more to come home") {
  const Model model = llama();
  for (const std::int64_t tensor : {1, 4})
    for (const std::int64_t context : {1, 2, 4, 8}) {
      Plan plan = plan_of(context, ContextExchange::ring, AttentionKind::flash);
      plan.tensor = tensor;
      const std::int64_t block = keys_values_bytes(tensor) / context;
      const auto forward = bytes_of(forward_steps(model, plan, 0)), backward = bytes_of(backward_steps(model, plan, 0));
      if (context == 1) {
        CHECK(forward.empty());
        CHECK(backward.empty());
        continue;
      }
      using Bytes = std::map<CollectiveOp, std::int64_t>;
      CHECK(forward == Bytes{{CollectiveOp::send_recv, (context - 1) * block}});
      CHECK(backward == Bytes{{CollectiveOp::send_recv, (2 * context - 1) * block}});
    }
}

TEST_CASE("context: keys and values are gathered for each pass, their gradients reduced") {
  const Model model = llama();
  for (const AttentionKind attention : {AttentionKind::flash, AttentionKind::unfused})
    for (const std::int64_t context : {2, 8}) {
      const Plan plan = plan_of(context, ContextExchange::all_gather, attention);
      const std::int64_t all = keys_values_bytes(1);
      using Bytes = std::map<CollectiveOp, std::int64_t>;
      CHECK(bytes_of(forward_steps(model, plan, 0)) == Bytes{{CollectiveOp::all_gather, all}});
      CHECK(bytes_of(backward_steps(model, plan, 0)) ==
            Bytes{{CollectiveOp::all_gather, all}, {CollectiveOp::reduce_scatter, all}});
    }
}

TEST_CASE("context: what passes hold comes and goes, blocks under way two at a time") {
  const Model model = llama();
  for (const Case& c : cases)
    for (const Recompute recompute : {Recompute::none, Recompute::selective, Recompute::full})
      for (const std::int64_t context : {1, 2, 4, 8}) {
        Plan plan = plan_of(context, c.exchange, c.attention);
        plan.recompute = recompute;
        const Steps forward = forward_steps(model, plan, 0);
        const std::int64_t all = context == 1 ? 0 : keys_values_bytes(1), block = all / context;
        const std::int64_t most = peak_of(joined(forward, backward_steps(model, plan, 0)), MemoryUse::gathered);
        CAPTURE(context);
        if (c.exchange == ContextExchange::all_gather) CHECK(most == 2 * all);
        // Blocks: the one in use, unless it is one's own, and the next; gradients: the sum that is sent and the one
        // that comes.
        if (c.exchange == ContextExchange::ring) CHECK(most == (context == 2 ? 3 : 4) * block);
      }
}

TEST_CASE("context: what is kept from forward to backward is a share of what whole sequences keep") {
  const Model model = llama();
  const auto kept = [&](const Plan& plan) {
    std::int64_t sum = 0;
    for (const Step& step : forward_steps(model, plan, 0))
      if (const auto* memory = std::get_if<MemoryStep>(&step); memory != nullptr)
        if (memory->use == MemoryUse::activations) sum += memory->bytes.value();
    return sum;
  };
  for (const Case& c : cases)
    for (const std::int64_t context : {2, 4, 8})
      CHECK(context * kept(plan_of(context, c.exchange, c.attention)) == kept(plan_of(1, c.exchange, c.attention)));
}

TEST_CASE("context: what cannot be shared is refused") {
  const Model model = llama();
  const auto faults = [&](const Plan& plan) {
    std::string out;
    for (const PlanFault& fault : check_plan(model, plan, plan.gpus())) out += fault.key_path + ": " + fault.message;
    return out;
  };
  for (const Case& c : cases) CHECK(faults(plan_of(4, c.exchange, c.attention)) == "");
  const Plan unfused = plan_of(4, ContextExchange::ring, AttentionKind::unfused);
  CHECK(faults(unfused).find("plan.context_exchange: a ring needs a fused kernel") == 0);
  CHECK(faults(plan_of(1, ContextExchange::ring, AttentionKind::unfused)) == "");
  Plan odd = plan_of(3, ContextExchange::ring, AttentionKind::flash);
  CHECK(faults(odd).find("plan.context: ") == 0);
}
