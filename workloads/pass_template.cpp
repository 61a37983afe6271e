#include "workloads/pass_template.hpp"

#include <algorithm>
#include <array>

#include "workloads/framework_kernels.hpp"
#include "workloads/gradients.hpp"
#include "workloads/memory/allocator.hpp"
#include "workloads/offload.hpp"
#include "workloads/sharding.hpp"

namespace rehearse {

namespace {

/// A stretch of steps up to a collective that blocks, which begins it does no more: `wait_for` says when it matters.
struct Run {
  Steps steps;
  std::int32_t starts = -1;  ///< handle of the collective at its end
};

constexpr std::int32_t handles_of_part = 1 << 20;

/// Cuts a pass at its blocking collectives, and gives its handles numbers of their own.
std::vector<Run> runs_of(Steps steps, std::int32_t part) {
  std::vector<Run> runs(1);
  std::int32_t next = part * handles_of_part + handles_of_part / 2;
  for (Step& step : steps) {
    if (auto* wait = std::get_if<WaitStep>(&step)) wait->handle += part * handles_of_part;
    auto* collective = std::get_if<CollectiveStep>(&step);
    if (collective != nullptr && collective->handle >= 0) collective->handle += part * handles_of_part;
    if (collective != nullptr && collective->after >= 0) collective->after += part * handles_of_part;
    auto* copy = std::get_if<HostStep>(&step);
    if (copy != nullptr && copy->handle >= 0) copy->handle += part * handles_of_part;
    const bool cut = collective != nullptr && collective->blocking;
    if (cut) {
      collective->blocking = false;
      collective->handle = runs.back().starts = next++;
    }
    runs.back().steps.push_back(std::move(step));
    if (cut) runs.emplace_back();
  }
  return runs;
}

double seconds_of(const Steps& steps, const Device& device) {
  double sum = 0;
  for (const Step& step : steps)
    if (const auto* kernel = std::get_if<KernelStep>(&step)) sum += device.sustained_time(kernel->kernel).value();
  return sum;
}

/// Puts whole tensors together from their shards, or cuts them into these.
bool is_of_shards(const CollectiveStep& step) {
  if (step.op == CollectiveOp::all_gather)
    return step.operand == Operand::parameters || step.operand == Operand::expert_parameters;
  return step.op == CollectiveOp::reduce_scatter &&
         (step.operand == Operand::gradients || step.operand == Operand::expert_gradients);
}

/// What the framework does with tensors that are sharded, at so many bytes a second.
void add_sharding(Steps& steps, BytesPerSecond rate) {
  if (rate == BytesPerSecond(0)) return;
  for (Step& step : steps)
    if (auto* collective = std::get_if<CollectiveStep>(&step); collective != nullptr && is_of_shards(*collective))
      collective->before = Bytes(collective->elements * collective->element_bytes) / rate;
}

double bytes_held(const Steps& steps) {
  double sum = 0;
  for (const Step& step : steps)
    if (const auto* memory = std::get_if<MemoryStep>(&step)) sum += static_cast<double>(memory->bytes.value());
  return sum;
}

}  // namespace

PassTimes PassTemplates::times() const {
  PassTimes times{0, 0, 0, 0};
  double held = 0, left = 0;  // after forward passes; after backward_input
  const auto chunks = static_cast<double>(plan_.chunks());
  for (std::int64_t chunk = 0; chunk < plan_.chunks(); ++chunk) {
    const Steps forward = forward_steps(model_, plan_, chunk), backward = backward_steps(model_, plan_, chunk),
                of_inputs = of_phase(backward, Phase::backward_input);
    times.forward += seconds_of(forward, device_) / chunks;
    times.backward_input += seconds_of(of_inputs, device_) / chunks;
    times.backward_weight += seconds_of(of_phase(backward, Phase::backward_weight), device_) / chunks;
    held += bytes_held(forward);
    left += bytes_held(forward) + bytes_held(of_inputs);
  }
  if (held > 0) times.kept = left / held;
  return times;
}

Steps PassTemplates::steps_of(const PassPart& part) const {
  return with_framework_kernels(bare_steps_of(part), model_, plan_, framework_);
}

Steps PassTemplates::bare_steps_of(const PassPart& part) const {
  const Phase phase = part.pass.phase;
  Steps steps = phase == Phase::forward ? forward_steps(model_, plan_, part.chunk)
                                        : of_phase(backward_steps(model_, plan_, part.chunk), phase);
  if (plan_.offload_activations && phase == Phase::forward)
    steps = with_activations_to_host(std::move(steps), model_, plan_, part.chunk);
  if (plan_.offload_activations && (phase == Phase::backward || phase == Phase::backward_input))
    steps = with_activations_from_host(std::move(steps), model_, plan_, part.chunk);
  const bool makes_gradients = phase == Phase::backward || phase == Phase::backward_weight;
  const bool beside = plan_.overlap_grad_reduce || plan_.zero >= 3;
  const bool reduces = makes_gradients && (plan_.reduce_every_micro_batch || (beside && part.last_of_chunk));
  if (plan_.zero >= 3) {
    steps = with_sharded_units(std::move(steps), model_, plan_, part.chunk, {part.gathers, part.frees, reduces});
    add_sharding(steps, framework_.sharding);
    return steps;
  }
  if (!reduces) return steps;
  if (beside || plan_.zero == 2) return with_gradient_buckets(std::move(steps), model_, plan_, part.chunk);
  for (Step& step : gradient_reductions(model_, plan_, part.chunk)) steps.push_back(std::move(step));
  return steps;
}

std::vector<PassItem> PassTemplates::make(const std::vector<PassPart>& parts) {
  std::vector<PassItem> out;
  const auto append = [&](const Steps& steps, std::uint32_t part, Seconds before = {}) {
    for (const SegmentItem& item : add(steps, before)) out.push_back({item, part});
  };
  if (parts.size() == 1) {
    append(steps_of(parts.front()), 0, host_before(parts.front()));
    return out;
  }
  std::vector<std::vector<Run>> runs;
  for (std::uint32_t p = 0; p < parts.size(); ++p)
    runs.push_back(runs_of(steps_of(parts[p]), static_cast<std::int32_t>(p)));
  std::size_t longest = 0;
  for (const auto& of_part : runs) longest = std::max(longest, of_part.size());
  for (std::size_t r = 0; r < longest; ++r)
    for (std::uint32_t p = 0; p < parts.size(); ++p) {
      if (r >= runs[p].size()) continue;
      if (r > 0) append({WaitStep{runs[p][r - 1].starts}}, p);
      append(runs[p][r].steps, p, r == 0 ? host_before(parts[p]) : Seconds());
    }
  return out;
}

Seconds PassTemplates::host_before(const PassPart& part) const {
  const Phase phase = part.pass.phase;
  if (phase == Phase::backward_weight) return {};
  const bool forward = phase == Phase::forward, alone = part.chunk == (forward ? 0 : plan_.chunks() - 1);
  return (forward ? framework_.host.micro_batch : Seconds()) + (alone ? Seconds() : framework_.host.message);
}

std::vector<SegmentItem> PassTemplates::add(const Steps& steps, Seconds before) {
  const bool calls = allocator_table().find(plan_.allocator)->calls_device;
  const BlockCost cost = calls ? BlockCost{device_.malloc_time, device_.free_time} : BlockCost{};
  return add_segments(steps, device_, {options_.merge_kernels, cost, framework_.host, framework_.libraries, before},
                      numbers_, program_);
}

const std::vector<PassItem>& PassTemplates::of(const std::vector<PassPart>& parts) {
  Key key;
  for (const PassPart& part : parts)
    key.emplace_back(part.chunk, part.pass.phase, part.last_of_chunk, part.gathers, part.frees);
  const auto found = made_.find(key);
  if (found != made_.end()) return found->second;
  return made_[key] = make(parts);
}

}  // namespace rehearse
