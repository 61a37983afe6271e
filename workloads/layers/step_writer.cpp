#include "workloads/layers/step_writer.hpp"

#include <algorithm>
#include <string>

#include "workloads/parameters.hpp"

namespace rehearse {

StepWriter::StepWriter(const Model& m, const Plan& p)
    : model(m),
      plan(p),
      tokens(p.micro_batch * m.seq_len / p.context),
      local_tokens(p.sequence_parallel ? tokens / p.tensor : tokens),
      hidden(m.hidden),
      heads(m.heads / p.tensor),
      kv_heads(std::max<std::int64_t>(1, m.kv_heads / p.tensor)),
      vocab(m.is_transformer() ? padded_vocab(m, p) / p.tensor : 0),
      element(element_bytes(p.precision)),
      mask(m.dropout ? 1 : 0),
      stream_bytes(local_tokens * hidden * element) {}

void StepWriter::kernel(std::string_view name, decltype(Kernel::work) work) {
  steps_.emplace_back(KernelStep{
      {.name = std::string(name), .work = work, .precision = plan.precision}, kind_, layer_, block_, of_weight_});
}

void StepWriter::gemm(std::string_view name, Layout layout, std::int64_t m, std::int64_t n, std::int64_t k,
                      std::int64_t batch) {
  kernel(name, Gemm{batch, m, n, k, layout});
}

void StepWriter::stream(std::string_view name, StreamKind kind, std::int64_t per_element, std::int64_t elements,
                        std::int64_t launches) {
  kernel(name, Stream{kind, Bytes(per_element * elements), launches});
}

std::int64_t StepWriter::members(GroupKind group) const {
  switch (group) {
    case GroupKind::tensor: return plan.tensor;
    case GroupKind::context: return plan.context;
    case GroupKind::expert: return plan.expert;
    case GroupKind::data: return plan.replicas();
    case GroupKind::expert_data: return plan.replicas() / plan.expert;
    case GroupKind::shard: return plan.shards();
    case GroupKind::replicate: return plan.replicas() / plan.shards();
    default: return 2;  // of the others a pass has none
  }
}

void StepWriter::add_collective(GroupKind group, CollectiveOp op, std::int64_t elements, std::int64_t element_bytes,
                                Operand operand, bool blocking, std::int32_t handle) {
  constexpr auto kind_of = [](GroupKind g) {
    if (g == GroupKind::tensor) return Kind::tensor_comm;
    if (g == GroupKind::context) return Kind::context_comm;
    return g == GroupKind::expert ? Kind::expert_comm : Kind::data_comm;
  };
  steps_.emplace_back(CollectiveStep{.group = group,
                                     .op = op,
                                     .elements = elements,
                                     .element_bytes = element_bytes,
                                     .kind = kind_of(group),
                                     .layer = layer_,
                                     .block = block_,
                                     .blocking = blocking,
                                     .handle = handle,
                                     .operand = operand,
                                     .of_weight = of_weight_});
}

void StepWriter::collective(GroupKind group, CollectiveOp op, std::int64_t elements, std::int64_t element_bytes,
                            Operand operand) {
  if (members(group) > 1) add_collective(group, op, elements, element_bytes, operand, true, no_handle);
}

std::int32_t StepWriter::start_collective(GroupKind group, CollectiveOp op, std::int64_t elements,
                                          std::int64_t element_bytes, Operand operand) {
  if (members(group) < 2) return no_handle;
  add_collective(group, op, elements, element_bytes, operand, false, handles_);
  return handles_++;
}

void StepWriter::wait(std::int32_t handle) {
  if (handle != no_handle) steps_.emplace_back(WaitStep{handle, of_weight_});
}

void StepWriter::enter_parallel_region(std::int64_t elements, Operand operand) {
  if (plan.sequence_parallel && elements > 0)
    collective(GroupKind::tensor, CollectiveOp::all_gather, elements, element, operand);
}

void StepWriter::leave_parallel_region(std::int64_t elements, Operand operand) {
  if (elements > 0)
    collective(GroupKind::tensor, plan.sequence_parallel ? CollectiveOp::reduce_scatter : CollectiveOp::all_reduce,
               elements, element, operand);
}

void StepWriter::memory(std::string_view name, std::int64_t bytes, MemoryUse use) {
  if (bytes != 0) steps_.emplace_back(MemoryStep{name, layer_, Bytes(bytes), use, of_weight_});
}

void StepWriter::keep(std::string_view name, std::int64_t bytes) {
  if (recording_ == Recording::kept) return memory(name, bytes, MemoryUse::activations);
  if (recording_ == Recording::remade) return memory(name, bytes, MemoryUse::recomputation);
  make(name, bytes);
  forgotten_.emplace_back(name, bytes);
}

void StepWriter::drop(std::string_view name, std::int64_t bytes) {
  memory(name, -bytes, recording_ == Recording::kept ? MemoryUse::activations : MemoryUse::recomputation);
}

void StepWriter::keep_input(std::string_view name, std::int64_t bytes) {
  if (!input_is_checkpoint_) return keep(name, bytes);
  if (recording_ != Recording::remade) memory(name, bytes, MemoryUse::activations);
}

void StepWriter::drop_input(std::string_view name, std::int64_t bytes) {
  if (!input_is_checkpoint_) return drop(name, bytes);
  memory(name, -bytes, MemoryUse::activations);
}

void StepWriter::end_part() {
  for (const auto& [name, bytes] : forgotten_) unmake(name, bytes);
  forgotten_.clear();
}

}  // namespace rehearse
