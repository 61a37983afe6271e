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
  Numbers sum = holders[0]->values(holders[0]->slice(table));
  const Numbers other = holders[1]->values(holders[1]->slice(table));
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += other[i];
  for (GradientBuffer* holder : holders) holder->replace(holder->slice(table), sum);
}

/// Whether this rank counts the gradients of a chunk of which other stages have a copy.
bool counts_chunk(const RankState& state, std::int64_t chunk) {
  if (state.plan().pipeline_row().layout != ChunkLayout::bidirectional) return true;
  return chunk == state.stage;  // the replica that begins at the first stage
}

/// Whether this rank counts what ranks with the same parameters have, too: where the norm is summed over them.
bool counts_replica(const RankState& state) {
  const Plan& plan = state.plan();
  const std::int64_t replica = state.scene.communication.layout().ranks(0).replica(state.worker);
  if (plan.zero > 0) return replica < plan.shards();
  return plan.expert == 1 || replica == 0;
}

/// Elements of a tensor that no other tensor rank or stage counts: [0, count).
std::int64_t counted_elements(const RankState& state, const HeldTensor& tensor) {
  if (tensor.tied_copy || (tensor.replicated && state.shape.tensor_rank > 0)) return 0;
  const std::int64_t columns = tensor.windows.front().columns;
  const std::int64_t sharers = std::max<std::int64_t>(1, state.shape.tensor / state.model().kv_heads);
  if (tensor.shared_row >= 0 && state.shape.tensor_rank % sharers > 0) return tensor.shared_row * columns;
  return tensor.elements();
}

double squared_norm(const RankState& state) {
  double sum = 0;
  if (!counts_replica(state)) return sum;
  for (const auto& [number, chunk] : state.chunks) {
    if (!counts_chunk(state, number)) continue;
    for (const HeldTensor& tensor : chunk.gradients.tensors()) {
      const Slice at = chunk.gradients.slice(tensor.key);
      const Numbers values = chunk.gradients.values(at);
      for (std::int64_t i = 0; i < counted_elements(state, tensor); ++i)
        if (chunk.gradients.is_own(at.first + i))
          sum += values[static_cast<std::size_t>(i)] * values[static_cast<std::size_t>(i)];
    }
  }
  return sum;
}

void step(RankState& state) {
  for (auto& [number, chunk] : state.chunks)
    for (auto& [key, parameter] : chunk.parameters) {
      const Slice at = chunk.gradients.slice(key);
      const Numbers gradient = chunk.gradients.values(at);
      for (std::int64_t i = 0; i < at.count; ++i)
        if (chunk.gradients.is_own(at.first + i))
          parameter.data()[i] -= state.scene.learning_rate * gradient[static_cast<std::size_t>(i)];
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
  } else if (name != "gradient clip") {  // the scale is one
    unknown_kernel("the optimizer", name);
  }
}

}  // namespace rehearse
