// Programs of the other kinds (sharded parameters, experts, latent attention, context parallelism, offload) that are
// wrong in one place.
#include <doctest/doctest.h>

#include <set>

#include "tests/support/mutations.hpp"

using namespace rehearse;
using namespace rehearse::testing;

namespace {

using Type = Instruction::Type;

Model small_model(Plan& plan) {
  plan.attention = AttentionKind::flash;
  Model model = tiny_llama();
  model.dropout = false;
  model.layers = 2;
  model.seq_len = 8;
  model.vocab = 128 * plan.tensor;
  return model;
}

/// Hybrid shards of parameters, gathered ahead, and gradients that are summed over two groups.
Job sharded_job(bool every) {
  Plan plan;
  plan.data = 4, plan.shard = 2;
  plan.zero = 3;
  plan.global_batch = 8;
  plan.reduce_every_micro_batch = every;
  plan.reshard_after_forward = every;
  return proof_job(small_model(plan), plan);
}

Job experts_job(bool sequence_parallel) {
  Plan plan;
  plan.tensor = 2, plan.data = 2, plan.expert = 2;
  plan.global_batch = 4;
  plan.sequence_parallel = sequence_parallel;
  Model model = small_model(plan);
  model.experts = {.count = 4, .per_token = 2, .ffn = 4, .shared = 1};
  plan.overlap_shared_experts = sequence_parallel;
  return proof_job(std::move(model), plan);
}

Job latent_job() {
  Plan plan;
  plan.tensor = 2, plan.global_batch = 1;
  plan.sequence_parallel = true;
  Model model = small_model(plan);
  model.kv_heads = model.heads;
  model.head_dim = 4;
  model.latent = {.query_rank = 3, .kv_rank = 4, .rotary = 2, .value_dim = 3};
  return proof_job(std::move(model), plan);
}

Job context_job(ContextExchange exchange) {
  Plan plan;
  plan.context = 2, plan.global_batch = 1;
  plan.context_exchange = exchange;
  return proof_job(small_model(plan), plan);
}

Job offload_job() {
  Plan plan;
  plan.data = 2, plan.global_batch = 2;
  plan.zero = 1;
  plan.offload_activations = plan.offload_optimizer = true;
  return proof_job(small_model(plan), plan);
}

/// Or for the table of words that is gathered for its own gradient.
bool waits_for_reduction(const Program& program, const Instruction& wait) {
  for (const CollectiveCall& call : program.calls)
    if ((call.step.operand == Operand::gradients || call.step.block == "embedding") &&
        static_cast<std::uint32_t>(call.step.handle) == wait.index)
      return true;
  return false;
}

/// What changes nothing: a scale by one; the table of words gathered for its own gradient; waits for what is waited for
/// again before it is used, or for nothing.
bool is_identity(const Program& program, const Instruction& i) {
  if (i.type == Type::compute) return program.segments[i.index].parts.front().name == "gradient clip";
  if (i.type == Type::collective) return program.calls[i.index].step.block == "embedding" && i.phase != Phase::forward;
  if (i.type != Type::wait) return false;
  if (i.index == no_index || waits_for_reduction(program, i)) return true;
  for (const HostCall& call : program.host)
    if (call.step.way == HostWay::to_host && static_cast<std::uint32_t>(call.step.handle) == i.index) return true;
  return false;
}

/// Leaves every so-many-th instruction out.
void leave_out(const Job& job, std::size_t stride) {
  const Mutations mutations(job);
  REQUIRE(mutations.after([](Program&) {}) == "");
  for_instructions(mutations.program(), stride, [&](std::size_t role, std::size_t i, const Instruction& left_out) {
    if (is_identity(mutations.program(), left_out)) return;
    CAPTURE(role);
    CAPTURE(i);
    CAPTURE(static_cast<int>(left_out.type));
    const std::string name = left_out.type == Type::collective ? mutations.program().calls[left_out.index].name
                             : left_out.type == Type::compute  ? mutations.program().segments[left_out.index].name
                                                               : "";
    CAPTURE(name);
    CHECK(mutations.after(
              [&](Program& p) { p.roles[role].erase(p.roles[role].begin() + static_cast<std::ptrdiff_t>(i)); }) != "");
  });
}

}  // namespace

TEST_CASE("proof: sharded parameters that are not gathered, and gradients that are not scattered, are found out") {
  for (const bool every : {false, true}) leave_out(sharded_job(every), 3);
}

TEST_CASE("proof: a step on the way to experts and back that is left out is found out") {
  for (const bool sequence_parallel : {false, true}) leave_out(experts_job(sequence_parallel), 3);
}

TEST_CASE("proof: a step of latent attention that is left out is found out") { leave_out(latent_job(), 1); }

TEST_CASE("proof: a block of keys that is not passed on, or not gathered, is found out") {
  for (const ContextExchange exchange : {ContextExchange::ring, ContextExchange::all_gather})
    leave_out(context_job(exchange), 1);
}

TEST_CASE("proof: a copy to the host or back that is left out is found out") { leave_out(offload_job(), 2); }

TEST_CASE("proof: a reduction that does not wait for the one before it is found out") {
  const Mutations mutations(sharded_job(false));
  std::size_t calls = 0;
  for (const CollectiveCall& call : mutations.program().calls) calls += call.step.after >= 0 ? 1 : 0;
  REQUIRE(calls > 0);
  CHECK(mutations.after([](Program& p) {
    for (CollectiveCall& call : p.calls) call.step.after = -1;
  }) != "");
}
