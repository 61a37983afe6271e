// How layers are dealt out to the chunks of a pipeline.
#include <algorithm>
#include <numeric>

#include "workloads/parameters.hpp"

namespace rehearse {

namespace {

/// How many runs of at most `limit` cost the layers from `first` on make at least.
std::int64_t runs_needed(const std::vector<double>& costs, std::size_t first, double limit) {
  std::int64_t runs = 0;
  double sum = 0;
  for (std::size_t i = first; i < costs.size(); ++i) {
    if (i == first || sum + costs[i] > limit) {
      ++runs;
      sum = 0;
    }
    sum += costs[i];
  }
  return runs;
}

/// The least cost of the fullest of `chunks` runs: by bisection to the last digit.
double least_limit(const std::vector<double>& costs, std::int64_t chunks) {
  double low = *std::ranges::max_element(costs), high = std::accumulate(costs.begin(), costs.end(), 0.0);
  if (runs_needed(costs, 0, low) <= chunks) return low;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (runs_needed(costs, 0, middle) <= chunks ? high : low) = middle;
  }
  return high;
}

/// Where each of `chunks` runs ends: none costs more than it must, and within that all cost much the same. Each has at
/// least one layer, of which there are enough.
std::vector<std::int64_t> balanced_ends(const std::vector<double>& costs, std::int64_t chunks) {
  const double limit = least_limit(costs, chunks);
  double left = std::accumulate(costs.begin(), costs.end(), 0.0), sum = 0;
  std::vector<std::int64_t> ends;
  for (std::size_t i = 0; i < costs.size(); ++i) {
    const std::int64_t others = chunks - std::ssize(ends) - 1;  // runs behind this one
    const bool begun = i > 0 && (ends.empty() || ends.back() != static_cast<std::int64_t>(i));
    const bool enough = sum + costs[i] / 2 > (sum + left) / static_cast<double>(others + 1);
    const bool must = sum + costs[i] > limit || std::ssize(costs) - static_cast<std::int64_t>(i) <= others;
    if (begun && others > 0 && (must || (enough && runs_needed(costs, i, limit) <= others))) {
      ends.push_back(static_cast<std::int64_t>(i));
      sum = 0;
    }
    sum += costs[i];
    left -= costs[i];
  }
  ends.push_back(std::ssize(costs));
  return ends;
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
