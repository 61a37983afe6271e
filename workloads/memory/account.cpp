#include "workloads/memory/account.hpp"

#include <algorithm>

#include "workloads/gradients.hpp"
#include "workloads/optimizer.hpp"
#include "workloads/parameters.hpp"

namespace rehearse {

namespace {

/// Follows a role's program and remembers the moment of the most.
class Walk {
 public:
  Walk(const Program& program, StageMemory& memory) : program_(program), memory_(memory) {}

  void run(const std::vector<Instruction>& instructions) {
    for (const Instruction& i : instructions) {
      if (i.type == Instruction::Type::memory) step(program_.memory[i.index]);
      if (i.type == Instruction::Type::host)
        most_of_host_ = std::max(most_of_host_, host_ += program_.host[i.index].step.kept);
      if (i.type != Instruction::Type::compute) continue;
      for (const MemoryEvent& event : program_.segments[i.index].memory) step(event);
    }
    memory_.host += most_of_host_;
  }

 private:
  void step(const MemoryEvent& event) {
    now_[static_cast<std::size_t>(program_.blocks[event.block].use)] += event.bytes;
    total_ += event.bytes;
    if (total_ <= most_) return;
    most_ = total_;
    memory_.used = now_;
  }

  const Program& program_;
  StageMemory& memory_;
  std::array<Bytes, memory_use_count> now_{};
  Bytes total_, most_, host_, most_of_host_;
};

}  // namespace

Bytes StageMemory::peak() const {
  Bytes sum = fixed();
  for (const Bytes bytes : used) sum += bytes;
  return sum;
}

StageMemory fixed_memory(const Model& model, const Plan& plan, std::int64_t stage) {
  const HeldParameters held = held_of_stage(model, plan, stage);
  const SteppedParameters stepped = stepped_parameters(plan, held);
  const std::int64_t whole = held.all(), share = stepped.elements;
  StageMemory memory;
  memory.weights = Bytes((plan.zero >= 3 ? share : whole) * element_bytes(plan.precision));
  const bool sharded_gradients = plan.zero >= 2 && plan.reduce_every_micro_batch;
  memory.gradients = Bytes((sharded_gradients ? share : whole) * element_bytes(plan.gradient_precision));
  const Bytes states = optimizer_bytes(plan, stepped);
  // The host's step has the gradients beside what it keeps (Ren et al. 2021, Section 4.1).
  if (plan.offload_optimizer)
    memory.host = states + Bytes(share * element_bytes(plan.gradient_precision));
  else
    memory.optimizer = states;
  return memory;
}

StageMemory stage_memory(const Job& job, const Program& program, const Role& role, std::uint32_t role_number) {
  StageMemory memory = fixed_memory(job.model, job.plan, role.stage);
  Walk(program, memory).run(program.roles[role_number]);
  return memory;
}

Bytes bytes_left(const Steps& steps, MemoryUse use) {
  Bytes sum;
  for (const Step& step : steps)
    if (const auto* memory = std::get_if<MemoryStep>(&step); memory != nullptr && memory->use == use)
      sum += memory->bytes;
  return sum;
}

}  // namespace rehearse
