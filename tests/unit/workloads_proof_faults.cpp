// Programs that are wrong in one place: the proof finds each out, and says where.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "tests/support/mutations.hpp"

using namespace rehearse;
using namespace rehearse::testing;

namespace {

using Type = Instruction::Type;

/// Everything that a program can have at once, in two pieces and in one.
Job busy_job(bool split) {
  Plan plan;
  plan.tensor = plan.pipeline = plan.data = 2;
  plan.schedule = split ? "zb_1p" : "1f1b";
  plan.global_batch = 6;
  plan.sequence_parallel = split;
  plan.tensor_overlap = split ? 1 : 2;
  plan.overlap_weight_gradient = split;
  plan.recompute = split ? Recompute::selective : Recompute::full;
  plan.zero = split ? 0 : 1;
  plan.overlap_grad_reduce = true;
  plan.bucket_size = Bytes(4'000);
  Model model = tiny_gpt();
  model.vocab = 250;
  model.seq_len = 8;
  model.kv_heads = 1;
  return proof_job(std::move(model), plan);
}

/// Kernels that only move data, or scale by one.
bool is_identity(const Program& program, const Instruction& i) {
  if (i.type != Type::compute) return false;
  const Segment& segment = program.segments[i.index];
  const std::string& name = segment.parts.front().name;
  const std::set<std::string> names{"gradient clip", "attention dropout gradient"};
  return segment.memory.empty() && (names.contains(name) || (name == "dropout gradient" && segment.layer >= 0));
}

const CollectiveStep& step_of(const Program& program, const Instruction& i) { return program.calls[i.index].step; }

/// Whether a sum once more is a fault: not of a maximum, nor of what goes from one place to another.
bool is_sum_in_place(const CollectiveStep& step) {
  const bool reduces = step.op == CollectiveOp::all_reduce || step.op == CollectiveOp::reduce_scatter;
  return reduces && step.operand != Operand::loss_maximum && (step.operand != Operand::region || step.blocking);
}

/// Whether it makes again what the last layer of a recomputation gives, which nobody needs.
bool is_idle(const Program& program, std::size_t role, std::size_t i) {
  const auto& instructions = program.roles[role];
  if (instructions[i].type != Type::collective && instructions[i].type != Type::wait) return false;
  for (; i < instructions.size(); ++i) {
    if (instructions[i].type != Type::compute) continue;
    const Segment& next = program.segments[instructions[i].index];
    if (next.kind != Kind::recompute || next.block != "mlp") return false;
    if (next.parts.front().name == "bias, dropout, add") return true;
    if (!next.parts.front().name.starts_with("ffn 2")) return false;
  }
  return false;
}

}  // namespace

TEST_CASE("proof: a program without any one of its instructions is found out") {
  for (const bool split : {false, true}) {
    const Mutations mutations(busy_job(split));
    REQUIRE(mutations.after([](Program&) {}) == "");
    constexpr std::size_t stride = 11;
    for_instructions(mutations.program(), stride, [&](std::size_t role, std::size_t i, const Instruction& left_out) {
      if (is_identity(mutations.program(), left_out) || is_idle(mutations.program(), role, i)) return;
      CAPTURE(split);
      CAPTURE(role);
      CAPTURE(i);
      const std::string call = left_out.type == Type::collective ? mutations.program().calls[left_out.index].name : "";
      CAPTURE(static_cast<int>(left_out.type));
      CAPTURE(call);
      CHECK(mutations
                .after([&](Program& p) { p.roles[role].erase(p.roles[role].begin() + static_cast<std::ptrdiff_t>(i)); })
                .find("rank") != std::string::npos);
    });
  }
}

TEST_CASE("proof: a collective that is wrong is found out") {
  for (const bool split : {false, true}) {
    const Mutations mutations(busy_job(split));
    const Program& right = mutations.program();
    std::set<std::uint32_t> calls;
    for_instructions(right, 1, [&](std::size_t role, std::size_t i, const Instruction& at) {
      if (at.type != Type::collective || !calls.insert(at.index).second) return;
      const CollectiveStep& step = step_of(right, at);
      CAPTURE(split);
      CAPTURE(right.calls[at.index].name);
      CAPTURE(static_cast<int>(step.operand));
      if (is_sum_in_place(step))
        CHECK(mutations.after([&](Program& p) {
          p.roles[role].insert(p.roles[role].begin() + static_cast<std::ptrdiff_t>(i), at);
        }) != "");
      const bool of_tensor = step.group == GroupKind::tensor || step.group == GroupKind::shared_heads;
      const GroupKind other = of_tensor ? GroupKind::data : GroupKind::tensor;
      if (!is_idle(right, role, i))
        CHECK(mutations.after([&](Program& p) { p.calls[at.index].step.group = other; }) != "");
      CHECK(mutations.after([&](Program& p) { p.calls[at.index].step.elements *= 2; }) != "");
    });
    CHECK(calls.size() > 20);
  }
}

TEST_CASE("proof: messages in another order, and passes that are left out, are found out") {
  for (const bool split : {false, true}) {
    const Mutations mutations(busy_job(split));
    for (std::size_t role = 0; role < mutations.program().roles.size(); ++role) {
      CAPTURE(split);
      CAPTURE(role);
      for (const Type type : {Type::send, Type::receive})
        CHECK(mutations.after([&](Program& p) {
          auto& instructions = p.roles[role];
          const auto of_type = [&](const Instruction& i) { return i.type == type; };
          const auto first = std::ranges::find_if(instructions, of_type);
          const auto second = std::find_if(first + 1, instructions.end(), of_type);
          REQUIRE(second != instructions.end());
          std::swap(*first, *second);
        }) != "");
      const Phase weights = split ? Phase::backward_weight : Phase::backward;
      CHECK(mutations.after([&](Program& p) {
        const auto of_pass = [&](const Instruction& i) { return i.phase == weights && i.tags.micro_batch == 1; };
        REQUIRE(std::erase_if(p.roles[role], of_pass) > 0);
      }) != "");
    }
  }
}

TEST_CASE("proof: memory that comes too late, or goes too early, is found out") {
  for (const bool split : {false, true}) {
    const Mutations mutations(busy_job(split));
    const std::size_t segments = mutations.program().segments.size();
    constexpr std::size_t stride = 9;
    for (std::size_t s = 0; s < segments; s += stride) {
      if (mutations.program().segments[s].memory.empty()) continue;
      CAPTURE(mutations.program().segments[s].name);
      CHECK(mutations.after([&](Program& p) { p.segments[s].memory.pop_back(); }) != "");
    }
  }
}
