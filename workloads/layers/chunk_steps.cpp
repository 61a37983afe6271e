// The steps of a pass through a model chunk: its layers one after another, as the plan's recomputation has it.
#include <algorithm>
#include <array>

#include "workloads/layers/layers.hpp"

namespace rehearse {

namespace {

/// Layers [first, last) of which only the input of the first is kept; or one layer of which everything is.
struct LayerRun {
  std::int64_t first, last;
  bool recomputed;
};

std::vector<LayerRun> runs_of(const Plan& plan, const LayerRange& range) {
  std::vector<LayerRun> out;
  const std::int64_t all = range.last - range.first;
  const std::int64_t count = plan.recompute != Recompute::full ? 0
                             : plan.recompute_layers == 0      ? all
                                                               : std::min(plan.recompute_layers, all);
  const std::int64_t end = range.first + count;
  for (std::int64_t at = range.first; at < end; at += plan.recompute_interval)
    out.push_back({at, std::min(at + plan.recompute_interval, end), true});
  for (std::int64_t at = end; at < range.last; ++at) out.push_back({at, at + 1, false});
  return out;
}

/// Bytes of what a layer of a sequence is handed.
std::int64_t input_bytes(const StepWriter& w, std::int64_t layer) {
  const std::int64_t elements = layer > 0 ? w.model.sequence[static_cast<std::size_t>(layer - 1)].output : 0;
  return w.plan.micro_batch * elements * w.element;
}

void sequence_layer_forward(StepWriter& w, std::int64_t layer, Kind kind, bool checkpoint) {
  const LayerWork& work = w.model.sequence[static_cast<std::size_t>(layer)];
  w.at(static_cast<std::int16_t>(layer), work.name, kind);
  if (checkpoint) w.keep_input("input", input_bytes(w, layer));
  layer_work_forward(w, work);
}

/// `checkpoint`: its input is kept whatever becomes of the rest.
void layer_forward(StepWriter& w, std::int64_t layer, Kind kind, bool checkpoint) {
  w.set_input_is_checkpoint(checkpoint);
  if (!w.model.is_transformer()) return sequence_layer_forward(w, layer, kind, checkpoint);
  w.at(static_cast<std::int16_t>(layer), "attention", kind);
  attention_forward(w);
  w.set_input_is_checkpoint(false);
  const bool experts = w.model.has_experts(layer);
  w.at(static_cast<std::int16_t>(layer), experts ? "experts" : "mlp", kind);
  experts ? experts_forward(w) : mlp_forward(w);
}

void layer_backward(StepWriter& w, std::int64_t layer, bool checkpoint) {
  const auto number = static_cast<std::int16_t>(layer);
  if (!w.model.is_transformer()) {
    const LayerWork& work = w.model.sequence[static_cast<std::size_t>(layer)];
    w.at(number, work.name, Kind::backward);
    layer_work_backward(w, work);
    w.set_input_is_checkpoint(checkpoint);
    if (checkpoint) w.drop_input("input", input_bytes(w, layer));
    return;
  }
  const bool experts = w.model.has_experts(layer);
  w.at(number, experts ? "experts" : "mlp", Kind::backward);
  experts ? experts_backward(w) : mlp_backward(w);
  w.set_input_is_checkpoint(checkpoint);
  w.at(number, "attention", Kind::backward);
  attention_backward(w);
  w.set_input_is_checkpoint(false);
}

void run_backward(StepWriter& w, const LayerRun& run) {
  if (run.recomputed) {
    w.set_recording(Recording::remade);
    for (std::int64_t layer = run.first; layer < run.last; ++layer)
      layer_forward(w, layer, Kind::recompute, layer == run.first);
  }
  for (std::int64_t layer = run.last - 1; layer >= run.first; --layer)
    layer_backward(w, layer, run.recomputed && layer == run.first);
  w.set_recording(Recording::kept);
  w.set_input_is_checkpoint(false);
}

}  // namespace

Steps forward_steps(const Model& model, const Plan& plan, std::int64_t chunk) {
  StepWriter w(model, plan);
  w.at(-1, "embedding", Kind::forward);
  if (chunk == 0 && model.is_transformer()) embedding_forward(w);
  for (const LayerRun& run : runs_of(plan, layers_of(model, plan, chunk))) {
    w.set_recording(run.recomputed ? Recording::forgotten : Recording::kept);
    for (std::int64_t layer = run.first; layer < run.last; ++layer)
      layer_forward(w, layer, Kind::forward, run.recomputed && layer == run.first);
  }
  w.set_recording(Recording::kept);
  w.set_input_is_checkpoint(false);
  w.at(-1, "head", Kind::forward);
  if (chunk + 1 == plan.chunks() && model.is_transformer()) head_forward(w);
  return w.take();
}

Steps backward_steps(const Model& model, const Plan& plan, std::int64_t chunk) {
  StepWriter w(model, plan);
  w.at(-1, "head", Kind::backward);
  w.make("residual gradient", w.stream_bytes);
  if (chunk + 1 == plan.chunks() && model.is_transformer()) head_backward(w);
  const std::vector<LayerRun> runs = runs_of(plan, layers_of(model, plan, chunk));
  for (auto run = runs.rbegin(); run != runs.rend(); ++run) run_backward(w, *run);
  w.at(-1, "embedding", Kind::backward);
  if (chunk == 0 && model.is_transformer()) {
    embedding_backward(w);
    w.set_of_weight(true);  // the gradient of the embedding reads it
  }
  w.unmake("residual gradient", w.stream_bytes);
  return w.take();
}

Steps of_phase(Steps backward, Phase phase) {
  if (phase == Phase::backward) return backward;
  Steps out;
  for (Step& step : backward) {
    const bool of_weight = std::visit([](const auto& s) { return s.of_weight; }, step);
    if (of_weight != (phase == Phase::backward_weight)) continue;
    if (auto* kernel = std::get_if<KernelStep>(&step); kernel != nullptr && of_weight)
      kernel->kind = Kind::backward_weight;
    out.push_back(std::move(step));
  }
  return out;
}

std::int64_t boundary_elements(const Model& model, const Plan& plan, std::int64_t chunk) {
  if (model.is_transformer()) return plan.micro_batch * model.seq_len / plan.context * model.hidden;
  const std::int64_t last = layers_of(model, plan, chunk).last - 1;
  return plan.micro_batch * model.sequence[static_cast<std::size_t>(last)].output;
}

std::string_view group_kind_name(GroupKind kind) {
  constexpr std::array<std::string_view, group_kind_count> names{
      "tensor",    "context",      "expert", "data",      "expert data", "shard",
      "replicate", "shared heads", "mirror", "embedding", "stages"};
  return names[static_cast<std::size_t>(kind)];
}

std::string_view memory_use_name(MemoryUse use) {
  constexpr std::array<std::string_view, memory_use_count> names{"activations", "recomputation", "workspace",
                                                                 "gathered"};
  return names[static_cast<std::size_t>(use)];
}

}  // namespace rehearse
