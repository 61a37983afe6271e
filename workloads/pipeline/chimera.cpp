// Chimera (Li and Hoefler 2021, Section 3): two replicas of the model lie against each other, and each takes half of
// the micro batches. A unit has as many micro batches as there are stages; in slots of one pass its forwards and
// backwards never meet. More micro batches are units one after another ("direct concatenation"): the first forwards
// of a unit fill the last gaps of the one before. p - 2 slots stay idle, all units together.
#include <algorithm>
#include <utility>

#include "workloads/pipeline/rows.hpp"

namespace rehearse {

namespace {

std::vector<std::string> check(const PipelineShape& shape) { return from_both_ends("chimera", shape); }

PipelineOrder order(const PipelineShape& shape, const PassTimes& /*times*/) {
  const std::int32_t p = shape.stages;
  PipelineOrder order;
  for (std::int32_t stage = 0; stage < p; ++stage) {
    std::vector<std::pair<std::int32_t, Pass>> slots;
    for (std::int32_t i = 0; i < shape.micro_batches; ++i) {
      const std::int32_t replica = replica_of(ChunkLayout::bidirectional, i);
      const std::int32_t chunk = model_chunk_of(ChunkLayout::bidirectional, shape, {stage, replica});
      const std::int32_t begin = i / p * (2 * p) + i % p / 2 * 2;
      slots.push_back({begin + chunk, {Phase::forward, i, replica}});
      slots.push_back({begin + 2 * p - 1 - chunk, {Phase::backward, i, replica}});
    }
    std::ranges::sort(slots, {}, &std::pair<std::int32_t, Pass>::first);
    order.emplace_back();
    for (const auto& [slot, pass] : slots) order.back().push_back(pass);
  }
  return order;
}

}  // namespace

const PipelineRow chimera_row{.name = "chimera",
                              .description =
                                  "two replicas against each other, micro batches from both ends (Li and "
                                  "Hoefler 2021)",
                              .layout = ChunkLayout::bidirectional,
                              .check = check,
                              .order = order,
                              .default_chunks = 2};

}  // namespace rehearse
