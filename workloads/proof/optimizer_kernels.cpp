// The end of an iteration: the norm of the gradients, and a step along them.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "workloads/proof/fault.hpp"
#include "workloads/proof/kernel_scope.hpp"

namespace rehearse {

namespace {

const TensorKey table{outside_layers, "word embedding"};

/// A rank that holds both ends of the model adds up what they have for the word embedding that they share.
void tie_copies(RankState& state) {
  std::vector<GradientBuffer*> holders;
  for (auto& [number, chunk] : state.chunks)
    if (chunk.gradients.holds(table)) holders.push_back(&chunk.gradients);
  if (holders.size() < 2) return;
  const Slice first = holders[0]->slice(table), second = holders[1]->slice(table);
  for (std::int64_t i = 0; i < first.count; ++i) {
    const double sum = holders[0]->value(first.first + i) + holders[1]->value(second.first + i);
    holders[0]->replace(first.first + i, sum);
    holders[1]->replace(second.first + i, sum);
  }
}

/// Whether this rank counts the gradients of a chunk of which other stages have a copy.
bool counts_chunk(const RankState& state, std::int64_t chunk) {
  if (state.plan().pipeline_row().layout != ChunkLayout::bidirectional) return true;
  return chunk == state.stage;  // the replica that begins at the first stage
}

/// Whether this rank counts what ranks with the same parameters have, too: where the norm is summed over them.
bool counts_replica(const RankState& state, bool experts) {
  const Plan& plan = state.plan();
  if (experts && plan.expert > 1) return plan.zero > 0 || state.replica < plan.expert;
  if (plan.zero > 0) return state.replica < plan.shards();
  return plan.expert == 1 || state.replica == 0;
}

/// Elements of a tensor that no other tensor rank or stage counts: [0, count).
std::int64_t counted_elements(const RankState& state, const HeldTensor& tensor) {
  if (tensor.tied_copy || (tensor.replicated && state.shape.tensor_rank > 0)) return 0;
  const std::int64_t columns = tensor.windows.front().columns;
  const std::int64_t sharers = std::max<std::int64_t>(1, state.shape.tensor / state.model().kv_heads);
  if (tensor.shared_row >= 0 && state.shape.tensor_rank % sharers > 0) return tensor.shared_row * columns;
  return tensor.elements();
}

double squared_norm(const RankState& state, const GradientBuffer& buffer) {
  double sum = 0;
  for (const HeldTensor& tensor : buffer.tensors()) {
    const std::int64_t first = buffer.slice(tensor.key).first;
    for (std::int64_t i = first; i < first + counted_elements(state, tensor); ++i)
      if (buffer.is_own(i)) sum += buffer.value(i) * buffer.value(i);
  }
  return sum;
}

double squared_norm(const RankState& state) {
  double sum = 0;
  for (const auto& [number, chunk] : state.chunks) {
    if (!counts_chunk(state, number)) continue;
    if (counts_replica(state, false)) sum += squared_norm(state, chunk.gradients);
    if (counts_replica(state, true)) sum += squared_norm(state, chunk.expert_gradients);
  }
  return sum;
}

void step(RankState& state) {
  for (auto& [number, chunk] : state.chunks)
    for (const GradientBuffer* buffer : {&chunk.gradients, &chunk.expert_gradients})
      for (const HeldTensor& tensor : buffer->tensors()) {
        Matrix& parameter = chunk.parameters.at(tensor.key);
        const Slice at = buffer->slice(tensor.key);
        for (std::int64_t i = 0; i < at.count; ++i)
          if (buffer->is_own(at.first + i))
            parameter.data()[i] -= state.scene.learning_rate * buffer->value(at.first + i);
      }
  state.stepped = true;
}

}  // namespace

void run_optimizer_kernel(RankState& state, std::string_view name) {
  constexpr std::array<std::string_view, 4> steps{"adam", "sgd", "momentum", "adafactor"};
  if (!std::exchange(state.tied, true)) tie_copies(state);
  if (name == "gradient norm") {
    state.norm = squared_norm(state);
  } else if (std::ranges::find(steps, name) != steps.end()) {
    step(state);
  } else if (name != "gradient clip" && name != "adafactor statistics") {  // the scale is one; no part of the step
    unknown_kernel("the optimizer", name);
  }
}

void run_host_step(RankState& state, HostWay way) {
  using enum HostWay;
  constexpr std::array<HostWay, 3> order{to_host, on_host, from_host};
  if (state.host_steps >= order.size() || order[state.host_steps] != way)
    throw ProofFault("steps on the host in another order than there, step, back");
  if (++state.host_steps < order.size()) return;
  if (!std::exchange(state.tied, true)) tie_copies(state);
  step(state);
}

}  // namespace rehearse
