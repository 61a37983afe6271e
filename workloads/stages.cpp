// How layers are dealt out to the chunks of a pipeline.
#include <algorithm>
#include <numeric>

#include "workloads/parameters.hpp"

namespace rehearse {

namespace {

/// Cuts the layers into `chunks` runs, each of at least one layer and of at most `limit` cost if that is possible.
/// Returns where each run ends; fewer than `chunks` ends never, more if it is not possible.
std::vector<std::int64_t> cut(const std::vector<double>& costs, std::int64_t chunks, double limit) {
  const std::int64_t layers = std::ssize(costs);
  std::vector<std::int64_t> ends;
  double sum = 0;
  for (std::int64_t i = 0; i < layers; ++i) {
    const bool full = i > 0 && sum + costs[static_cast<std::size_t>(i)] > limit;
    const bool last_chance = layers - i < chunks - std::ssize(ends);  // the rest get one layer each
    const bool begins = ends.empty() ? i == 0 : ends.back() == i;
    if (!begins && (full || last_chance)) {
      ends.push_back(i);
      sum = 0;
    }
    sum += costs[static_cast<std::size_t>(i)];
  }
  ends.push_back(layers);
  return ends;
}

/// The least limit for which `chunks` runs are enough: by bisection to the last digit.
std::vector<std::int64_t> balanced_ends(const std::vector<double>& costs, std::int64_t chunks) {
  double low = *std::ranges::max_element(costs), high = std::accumulate(costs.begin(), costs.end(), 0.0);
  if (std::ssize(cut(costs, chunks, low)) <= chunks) high = low;
  for (int i = 0; i < 60 && low < high; ++i) {
    const double middle = (low + high) / 2;
    (std::ssize(cut(costs, chunks, middle)) <= chunks ? high : low) = middle;
  }
  return cut(costs, chunks, high);
}

std::vector<double> layer_costs(const Model& model) {
  std::vector<double> costs;
  for (std::int64_t layer = 0; layer < model.layers; ++layer) costs.push_back(layer_flops(model, layer).value());
  costs.back() += head_flops(model).value();
  return costs;
}

}  // namespace

LayerRange layers_of(const Model& model, const Plan& plan, std::int64_t chunk) {
  if (plan.stages == StageSplit::even) {
    const std::int64_t each = model.layers / plan.chunks();
    return {chunk * each, (chunk + 1) * each};
  }
  const auto c = static_cast<std::size_t>(chunk);
  if (plan.stages == StageSplit::listed) {
    const auto begin = plan.stage_layers.begin();
    const std::int64_t first = std::accumulate(begin, begin + chunk, std::int64_t{0});
    return {first, first + plan.stage_layers[c]};
  }
  const std::vector<std::int64_t> ends = balanced_ends(layer_costs(model), plan.chunks());
  return {c == 0 ? 0 : ends[c - 1], ends[c]};
}

std::vector<std::int64_t> chunks_of_stage(const Plan& plan, std::int64_t stage) {
  const PipelineShape shape = plan.shape();
  std::vector<std::int64_t> chunks;
  for (std::int32_t c = 0; c < shape.chunks; ++c)
    chunks.push_back(model_chunk_of(plan.pipeline_row().layout, shape, {static_cast<std::int32_t>(stage), c}));
  return chunks;
}

HeldParameters held_of_stage(const Model& model, const Plan& plan, std::int64_t stage) {
  HeldParameters held;
  for (const std::int64_t chunk : chunks_of_stage(plan, stage)) held += chunk_held(model, plan, chunk);
  return held;
}

}  // namespace rehearse
