#include "workloads/memory/account.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "workloads/gradients.hpp"
#include "workloads/memory/role_stream.hpp"
#include "workloads/optimizer.hpp"
#include "workloads/parameters.hpp"

namespace rehearse {

namespace {

/// Cuts `all` in proportion to the sizes, to the last byte; without sizes it stays one piece.
void append_shares(Bytes all, const std::vector<std::int64_t>& sizes, std::vector<Bytes>& out) {
  double sum = 0, before = 0;
  for (const std::int64_t size : sizes) sum += static_cast<double>(size);
  const auto up_to = [&](double part) {
    return Bytes(std::llround(static_cast<double>(all.value()) * (sum > 0 ? part / sum : 1.0)));
  };
  if (sum == 0) return out.push_back(all);
  for (const std::int64_t size : sizes) {
    const Bytes begin = up_to(before);
    before += static_cast<double>(size);
    out.push_back(up_to(before) - begin);
  }
}

/// Elements of each tensor of a stage.
std::vector<std::int64_t> tensor_sizes(const Model& model, const Plan& plan, std::int64_t stage) {
  std::vector<std::int64_t> sizes;
  const auto add = [&](const std::vector<ParameterTensor>& tensors) {
    for (const ParameterTensor& tensor : tensors) sizes.push_back(held_elements(tensor, model, plan));
  };
  for (const std::int64_t chunk : chunks_of_stage(plan, stage)) {
    const LayerRange range = layers_of(model, plan, chunk);
    if (chunk == 0) add(embedding_tensors(model));
    for (std::int64_t layer = range.first; layer < range.last; ++layer) add(layer_tensors(model, layer));
    if (chunk + 1 == plan.chunks()) add(head_tensors(model));
  }
  return sizes;
}

/// What is allocated before the first iteration: weights tensor by tensor, gradients as one buffer, states tensor by
/// tensor where each rank has all of them, else as one shard (as Megatron-LM and PyTorch have them).
std::vector<Bytes> fixed_blocks(const Model& model, const Plan& plan, std::int64_t stage, const StageMemory& memory) {
  const std::vector<std::int64_t> sizes = tensor_sizes(model, plan, stage);
  std::vector<Bytes> out;
  append_shares(memory.weights, sizes, out);
  out.push_back(memory.gradients);
  append_shares(memory.optimizer, plan.zero == 0 ? sizes : std::vector<std::int64_t>(), out);
  return out;
}

/// Communicators that a role takes part in.
std::int64_t communicators(const Program& program, const std::vector<Instruction>& instructions) {
  std::set<GroupKind> kinds;
  bool messages = false;
  for (const Instruction& i : instructions) {
    if (i.type == Instruction::Type::collective) kinds.insert(program.calls[i.index].step.group);
    messages = messages || i.type == Instruction::Type::send || i.type == Instruction::Type::receive;
  }
  return std::ssize(kinds) + (messages ? 1 : 0);
}

/// Of what passes keep in the memory of the host.
Bytes most_on_host(const Program& program, const std::vector<Instruction>& instructions) {
  Bytes now, most;
  for (const Instruction& i : instructions)
    if (i.type == Instruction::Type::host) most = std::max(most, now += program.host[i.index].step.kept);
  return most;
}

/// The second of two iterations after the fixed blocks; `refused` where any of it was.
StreamUse steady_use(const AllocatorRow& row, std::optional<Bytes> capacity, const std::vector<Bytes>& fixed,
                     const std::vector<AllocatorEvent>& iteration) {
  const std::unique_ptr<Allocator> allocator = row.make(capacity);
  std::vector<AllocatorEvent> first;
  for (std::uint32_t b = 0; b < fixed.size(); ++b)
    first.push_back({AllocatorEvent::Action::allocate, BlockId{b}, fixed[b]});
  StreamUse use = replay_stream(*allocator, first);
  if (iteration.empty()) return use;
  for (int i = 0; i < 2 && !use.refused; ++i) use = replay_stream(*allocator, iteration);
  return use;
}

}  // namespace

Bytes StageMemory::in_use() const {
  Bytes sum = fixed();
  for (const Bytes bytes : used) sum += bytes;
  return sum;
}

StageMemory fixed_memory(const Model& model, const Plan& plan, std::int64_t stage) {
  const HeldParameters held = held_of_stage(model, plan, stage);
  const SteppedParameters stepped = stepped_parameters(plan, held);
  const std::int64_t whole = held.dense + held.expert, share = stepped.elements;
  StageMemory memory;
  memory.weights = Bytes(((plan.zero >= 3 ? share : whole) + held.dealt_out) * element_bytes(plan.precision));
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

StageMemory stage_memory(const Job& job, const Program& program, const Role& role, std::uint32_t role_number,
                         const NodeGroup& group) {
  const std::vector<Instruction>& instructions = program.roles[role_number];
  StageMemory memory = fixed_memory(job.model, job.plan, role.stage);
  memory.communication = group.node.collective_buffer * communicators(program, instructions);
  memory.framework = group.device.context_memory;
  memory.host += most_on_host(program, instructions);
  const std::vector<Bytes> fixed = fixed_blocks(job.model, job.plan, role.stage, memory);
  const RoleStream stream(program, instructions, static_cast<std::uint32_t>(fixed.size()));
  stream.describe_peak(memory);
  const AllocatorRow& row = *allocator_table().find(job.plan.allocator);
  StreamUse use = steady_use(row, std::nullopt, fixed, stream.events());
  const Bytes left = group.device.memory_capacity - memory.communication - memory.framework;
  if (use.reserved.bytes > left && memory.in_use() <= left) {
    const StreamUse within = steady_use(row, left, fixed, stream.events());
    if (!within.refused) use = within;
  }
  memory.fragmentation = use.reserved.bytes - memory.in_use();
  memory.calls = use.calls;
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
