#include "scenarios/layer_times.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <vector>

namespace rehearse {

namespace {

/// When each layer begins.
using Begins = std::map<std::int16_t, Seconds>;

struct Passes {
  Begins forward, backward;
};

Passes first_passes(const Result& result) {
  Passes passes;
  for (std::uint32_t i = 0; i < result.schedule.size(); ++i) {
    const Op& op = result.schedule.ops()[i];
    if (op.type != OpType::compute || Schedule::lane(op) == no_lane || op.tags.layer < 0) continue;
    if (index(result.schedule.lanes()[op.where].rank) != 0 || op.tags.micro_batch > 0) continue;
    const bool forward = op.kind == Kind::forward;
    if (!forward && op.kind != Kind::backward && op.kind != Kind::recompute) continue;
    const Seconds begin = result.timeline.begin[i];
    const auto [at, is_new] = (forward ? passes.forward : passes.backward).try_emplace(op.tags.layer, begin);
    if (!is_new) at->second = std::min(at->second, begin);
  }
  return passes;
}

}  // namespace

LayerTimes layer_times(const Result& result) {
  const Passes passes = first_passes(result);
  std::vector<std::int16_t> inner;
  const auto there = [&](int layer) { return passes.forward.contains(static_cast<std::int16_t>(layer)); };
  for (const auto& [layer, begin] : passes.forward)
    if (there(layer - 1) && there(layer + 1)) inner.push_back(layer);
  if (inner.empty()) throw std::runtime_error("the first GPU has no layer with one before it and one behind it");
  const std::int16_t layer = inner[inner.size() / 2];
  const auto next = static_cast<std::int16_t>(layer + 1), before = static_cast<std::int16_t>(layer - 1);
  return {passes.forward.at(next) - passes.forward.at(layer), passes.backward.at(before) - passes.backward.at(layer)};
}

}  // namespace rehearse
