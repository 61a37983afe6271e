// Experts: products against the model's FLOPs and parameters, all_to_alls by closed form, memory that balances.
#include <doctest/doctest.h>

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "tests/support/relative.hpp"
#include "tests/unit/workloads_experts_support.hpp"
#include "workloads/parameters.hpp"

using namespace rehearse;
using namespace rehearse::testing;

namespace {

std::vector<CollectiveStep> all_to_alls(const Steps& steps) {
  std::vector<CollectiveStep> out;
  for (const Step& step : steps)
    if (const auto* c = std::get_if<CollectiveStep>(&step); c != nullptr && c->op == CollectiveOp::all_to_all)
      out.push_back(*c);
  return out;
}

std::int64_t layers_with_experts(const Model& m) {
  std::int64_t count = 0;
  for (std::int64_t layer = 0; layer < m.layers; ++layer) count += m.has_experts(layer) ? 1 : 0;
  return count;
}

/// Products that every tensor rank does alike without sequence parallelism, of one token: the router, and what makes
/// narrow vectors.
double replicated_products(const Model& m) {
  const auto real = [](std::int64_t x) { return static_cast<double>(x); };
  const LatentAttention& l = m.latent;
  const std::int64_t narrow = m.is_latent() ? l.query_rank + l.kv_rank + l.rotary : 0;
  return real(m.hidden) * real(m.layers * narrow + layers_with_experts(m) * m.experts.count);
}

}  // namespace

TEST_CASE("experts: the products of all ranks have the model's FLOPs") {
  for_random_plans(1, [](const Model& m, const Plan& plan, Dice&) {
    double sum = 0;
    for (const KernelStep& step : kernels_of(all_steps(m, plan))) sum += step.kernel.flops().value();
    const auto tensor = static_cast<double>(plan.tensor), batch = static_cast<double>(plan.global_batch);
    sum *= tensor * batch / static_cast<double>(plan.micro_batch);
    double expected = model_flops(m, plan.global_batch).value();
    if (!plan.sequence_parallel)
      expected += (tensor - 1) * 6 * batch * static_cast<double>(m.seq_len) * replicated_products(m);
    CHECK(sum == relative(expected, 1e-12));
  });
}

TEST_CASE("experts: the gradients of weights are as large as the matrices that a GPU holds") {
  for_random_plans(2, [](const Model& m, const Plan& plan, Dice&) {
    std::map<std::int64_t, std::int64_t> gradients;  // by layer
    for (const KernelStep& step : kernels_of(all_steps(m, plan)))
      if (const auto* gemm = std::get_if<Gemm>(&step.kernel.work); gemm != nullptr && step.of_weight && step.layer >= 0)
        gradients[step.layer] += gemm->batch * gemm->m * gemm->n;
    for (std::int64_t layer = 0; layer < m.layers; ++layer) {
      std::int64_t held = 0;
      for (const ParameterTensor& tensor : layer_tensors(m, layer))
        if (tensor.columns > 1) held += held_elements(tensor, m, plan);
      CHECK(gradients[layer] == held);
    }
  });
}

TEST_CASE("experts: two all_to_alls of tokens x top k x hidden each way, of a tensor rank's share") {
  for_random_plans(3, [](const Model& m, const Plan& plan, Dice&) {
    const std::vector<CollectiveStep> found = all_to_alls(all_steps(m, plan));
    const std::int64_t tokens = plan.micro_batch * m.seq_len / (plan.sequence_parallel ? plan.tensor : 1);
    REQUIRE(std::ssize(found) == (plan.expert > 1 ? 4 * layers_with_experts(m) : 0));
    std::map<Operand, int> operands;
    for (const CollectiveStep& step : found) {
      CHECK(step.group == GroupKind::expert);
      CHECK(step.kind == Kind::expert_comm);
      CHECK(step.elements == tokens * m.experts.per_token * m.hidden);
      CHECK(step.element_bytes == 2);
      CHECK(!step.of_weight);
      ++operands[step.operand];
    }
    CHECK(operands[Operand::dispatch] == operands[Operand::combine]);
  });
}

TEST_CASE("experts: (E - 1) / E of what a rank sends leaves it") {
  for (const std::uint32_t ranks : {2U, 8U, 64U})
    for (const char* name : {"direct", "pairwise"}) {
      const std::int64_t elements = 4096 * 8 * 7168;
      const CollectiveRow* row = collective_table(CollectiveOp::all_to_all).find(name);
      const Pattern pattern = build_collective(*row, ranks, elements);
      std::int64_t sent = 0;
      for (std::uint64_t step = 0; step < pattern.steps(); ++step) {
        std::vector<Transfer> transfers;
        pattern.step(step, transfers);
        for (const Transfer& t : transfers)
          if (t.source == 1 && t.destination != 1) sent += t.elements();
      }
      CHECK(sent == elements / ranks * (ranks - 1));
    }
}

TEST_CASE("experts: what is kept is dropped, and nothing is dropped that is not there") {
  using Block = std::tuple<std::int64_t, std::string, MemoryUse>;
  for_random_plans(4, [](const Model& m, Plan plan, Dice& dice) {
    plan.recompute = dice.of<Recompute>({Recompute::none, Recompute::selective, Recompute::full});
    plan.recompute_interval = 1 + dice.below(3), plan.recompute_layers = dice.below(3);
    plan.attention = dice.of<AttentionKind>({AttentionKind::flash, AttentionKind::unfused});
    for (const bool in_phases : {false, true})
      for (std::int64_t chunk = 0; chunk < plan.chunks(); ++chunk) {
        std::map<Block, std::int64_t> bytes;
        std::set<std::string> below;
        const auto follow = [&](const Steps& steps) {
          for (const Step& step : steps)
            if (const auto* s = std::get_if<MemoryStep>(&step)) {
              std::int64_t& now = bytes[{s->layer, std::string(s->name), s->use}];
              now += s->bytes.value();
              if (now < 0) below.insert(std::string(s->name));
            }
        };
        follow(forward_steps(m, plan, chunk));
        const Steps backward = backward_steps(m, plan, chunk);
        if (in_phases) {
          follow(of_phase(backward, Phase::backward_input));
          follow(of_phase(backward, Phase::backward_weight));
        } else {
          follow(backward);
        }
        CHECK(below.empty());
        for (const auto& left : bytes) {
          CAPTURE(std::get<std::string>(left.first));
          CHECK(left.second == 0);
        }
      }
  });
}

TEST_CASE("experts: every expert computes its slots, filled or not") {
  Model m = deepseek_v2();
  Plan plan;
  plan.data = plan.global_batch = 8, plan.expert = 8;
  // 4096 x 6 copies from each of 8 ranks for 160 experts, of which a rank has 20: 1228.8 rows each.
  const auto rows_of = [&] {
    std::int64_t rows = 0;
    for (const KernelStep& step : kernels_of(forward_steps(m, plan, 0)))
      if (step.kernel.name == "expert ffn 1") {
        const Gemm& gemm = std::get<Gemm>(step.kernel.work);
        CHECK(gemm.n == 2 * 1536 / plan.tensor);
        CHECK(gemm.k == 5120);
        rows += gemm.batch * gemm.m;
      }
    return rows;
  };
  CHECK(rows_of() == 4096 * 6);
  CHECK(all_to_alls(forward_steps(m, plan, 0)).front().elements == 4096 * 6 * 5120);
  m.experts.capacity_factor = 1.3;  // 1.3 x 153.6 slots, rounded up, of each rank for each expert
  CHECK(rows_of() == 200 * 8 * 20);
  CHECK(alike(gemm_of(forward_steps(m, plan, 0), "expert ffn 2"), 200 * 8, 5120, 1536, 20));
  CHECK(all_to_alls(forward_steps(m, plan, 0)).front().elements == 200 * 160 * 5120);
  plan.tensor = 4, plan.sequence_parallel = true;  // 1.3 x 38.4, of four tensor ranks each
  CHECK(rows_of() == 50 * 4 * 8 * 20);
  plan.sequence_parallel = false;
  CHECK(rows_of() == 200 * 8 * 20);
}

TEST_CASE("experts: behind the all_to_all all tensor ranks' tokens are gathered, and reduced before they go back") {
  Model m = deepseek_v2();
  m.layers = 1, m.experts.first_dense = 0, m.experts.shared = 0, m.latent = {};
  Plan plan;
  plan.tensor = 4, plan.data = plan.global_batch = plan.expert = 8;
  const std::int64_t rows = 4096 * 6 * 5120;
  const auto calls = [&] {  // of the part with experts
    std::vector<std::tuple<GroupKind, CollectiveOp, std::int64_t>> out;
    for (const Step& step : forward_steps(m, plan, 0))
      if (const auto* c = std::get_if<CollectiveStep>(&step); c != nullptr && c->layer == 0)
        out.emplace_back(c->group, c->op, c->elements);
    const std::ptrdiff_t of_attention = plan.sequence_parallel ? 2 : 1;
    out.erase(out.begin(), out.begin() + of_attention);
    return out;
  };
  using Calls = decltype(calls());
  CHECK(calls() == Calls{{GroupKind::expert, CollectiveOp::all_to_all, rows},
                         {GroupKind::tensor, CollectiveOp::all_reduce, rows},
                         {GroupKind::expert, CollectiveOp::all_to_all, rows}});
  plan.sequence_parallel = true;
  CHECK(calls() == Calls{{GroupKind::expert, CollectiveOp::all_to_all, rows / 4},
                         {GroupKind::tensor, CollectiveOp::all_gather, rows},
                         {GroupKind::tensor, CollectiveOp::reduce_scatter, rows},
                         {GroupKind::expert, CollectiveOp::all_to_all, rows / 4}});
}

TEST_CASE("experts: shared ones work while tokens or gradients travel, if the plan says so") {
  const Model m = deepseek_v2();
  Plan plan;
  plan.data = plan.global_batch = plan.expert = 8;
  const auto names = [](const Steps& steps) {
    std::multiset<std::string> out;
    for (const KernelStep& step : kernels_of(steps)) out.insert(step.kernel.name);
    return out;
  };
  const auto beside = [&](const Steps& steps) {  // kernels between the start of an all_to_all and its wait
    std::set<std::string> out;
    std::int32_t under_way = -1;
    for (const Step& step : steps) {
      if (const auto* c = std::get_if<CollectiveStep>(&step); c != nullptr && !c->blocking) under_way = c->handle;
      if (const auto* w = std::get_if<WaitStep>(&step); w != nullptr && w->handle == under_way) under_way = -1;
      if (const auto* k = std::get_if<KernelStep>(&step); k != nullptr && under_way >= 0) out.insert(k->kernel.name);
    }
    CHECK(under_way == -1);
    return out;
  };
  const Steps forward = forward_steps(m, plan, 0), backward = backward_steps(m, plan, 0);
  CHECK(beside(forward).empty());
  CHECK(beside(backward).empty());
  plan.overlap_shared_experts = true;
  const Steps hidden = forward_steps(m, plan, 0), hidden_backward = backward_steps(m, plan, 0);
  CHECK(beside(hidden) == std::set<std::string>{"shared activation", "shared ffn 1", "shared ffn 2"});
  CHECK(beside(hidden_backward).size() == 5);
  for (const std::string& name : beside(hidden_backward)) CHECK(name.starts_with("shared "));
  CHECK(names(hidden) == names(forward));
  CHECK(names(hidden_backward) == names(backward));
}

TEST_CASE("experts: plans that cannot be") {
  const auto message = [](const Model& m, const Plan& plan) {
    std::string out;
    for (const PlanFault& fault : check_plan(m, plan, plan.gpus())) out += fault.key_path + ": " + fault.message + "\n";
    return out;
  };
  Model m = deepseek_v2();
  Plan plan;
  plan.data = plan.global_batch = 8, plan.expert = 8;
  CHECK(message(m, plan).empty());
  plan.overlap_shared_experts = true;
  CHECK(message(m, plan).empty());
  m.experts.shared = 0;
  CHECK(message(m, plan) == "plan.overlap_shared_experts: the model has no shared experts; expected false\n");
  plan.overlap_shared_experts = false;
  plan.expert = 16;
  CHECK(message(m, plan) ==
        "plan.expert: data 8 x context 1 = 8 ranks, of which so many share the experts, do not divide by 16\n");
  plan.data = plan.global_batch = plan.expert = 64;
  CHECK(message(m, plan) == "plan.expert: 160 experts do not divide by 64\n");
  m.experts.ffn = 1001, plan.expert = 32, plan.tensor = 8;
  CHECK(message(m, plan) == "plan.tensor: 1001 FFN columns of an expert do not divide by 8\n");
  m.experts = {}, plan.overlap_shared_experts = true;
  CHECK(message(m, plan) ==
        "plan.expert: the model has no experts; expected 1\n"
        "plan.overlap_shared_experts: the model has no shared experts; expected false\n");
}
