#include "workloads/offload.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include "workloads/gradients.hpp"
#include "workloads/optimizer.hpp"

namespace rehearse {

namespace {

using Blocks = std::map<std::string_view, Bytes>;

/// What each layer of a chunk keeps when its forward steps are done.
std::map<std::int16_t, Blocks> kept_by_layer(const Steps& forward) {
  std::map<std::int16_t, Blocks> kept;
  for (const Step& step : forward)
    if (const auto* memory = std::get_if<MemoryStep>(&step);
        memory != nullptr && memory->use == MemoryUse::activations && memory->layer >= 0)
      kept[memory->layer][memory->name] += memory->bytes;
  return kept;
}

class Mover {
 public:
  Mover(const Model& model, const Plan& plan, std::int64_t chunk, Steps steps)
      : kept_(kept_by_layer(forward_steps(model, plan, chunk))),
        in_(std::move(steps)),
        handles_(first_free_handle(in_)) {}

  Steps to_host() {
    std::int16_t current = -1;
    for (Step& step : in_) {
      const std::int16_t at = is_work(step) ? layer_of(step) : current;
      if (at != current && current >= 0) send(current);
      current = at;
      out_.push_back(std::move(step));
    }
    if (current >= 0) send(current);
    settle();
    return std::move(out_);
  }

  Steps from_host() {
    const std::vector<std::int16_t> order = first_visits();
    std::size_t next = 0;  // of `order`, that is not there yet
    for (Step& step : in_) {
      // A layer may begin with the making of memory, but what it drops comes after its first work.
      if (next < order.size() && is_work(step) && layer_of(step) == order[next]) {
        if (next == 0) fetch(order[0]);
        out_.emplace_back(WaitStep{fetching_.at(order[next])});
        if (++next < order.size()) fetch(order[next]);
      }
      out_.push_back(std::move(step));
    }
    return std::move(out_);
  }

 private:
  [[nodiscard]] std::vector<std::int16_t> first_visits() const {
    std::vector<std::int16_t> order;
    for (const Step& step : in_)
      if (is_work(step) && kept_.contains(layer_of(step)) && std::ranges::find(order, layer_of(step)) == order.end())
        order.push_back(layer_of(step));
    return order;
  }

  void memory(std::int16_t layer, std::int64_t sign) {
    for (const auto& [name, bytes] : kept_.at(layer))
      if (bytes != Bytes(0)) out_.emplace_back(MemoryStep{name, layer, bytes * sign, MemoryUse::activations});
  }

  std::int32_t copy(HostWay way, std::int16_t layer) {
    Bytes sum;
    for (const auto& [name, bytes] : kept_.at(layer)) sum += bytes;
    out_.emplace_back(HostStep{.way = way,
                               .name = "kept activations",
                               .bytes = sum,
                               .kept = way == HostWay::to_host ? sum : sum * -1,
                               .layer = layer,
                               .blocking = false,
                               .handle = handles_});
    return handles_++;
  }

  void send(std::int16_t layer) {
    if (!kept_.contains(layer)) return;
    settle();
    going_ = {layer, copy(HostWay::to_host, layer)};
  }
  /// The copy under way is done.
  void settle() {
    if (!going_) return;
    out_.emplace_back(WaitStep{going_->second});
    memory(going_->first, -1);
    going_.reset();
  }

  void fetch(std::int16_t layer) {
    memory(layer, 1);
    fetching_[layer] = copy(HostWay::from_host, layer);
  }

  std::map<std::int16_t, Blocks> kept_;
  Steps in_, out_;
  std::int32_t handles_;
  std::optional<std::pair<std::int16_t, std::int32_t>> going_;  // layer, handle
  std::map<std::int16_t, std::int32_t> fetching_;
};

}  // namespace

Steps step_on_host(const Plan& plan, const HeldParameters& held) {
  const SteppedParameters stepped = stepped_parameters(plan, held);
  Steps steps;
  const auto add = [&](HostWay way, std::string_view name, Bytes bytes) {
    if (bytes > Bytes(0)) steps.emplace_back(HostStep{.way = way, .name = name, .bytes = bytes, .kept = {}});
  };
  add(HostWay::to_host, "gradients to host", Bytes(stepped.elements * element_bytes(plan.gradient_precision)));
  add(HostWay::on_host, "optimizer on host", stepped_bytes(plan, stepped));
  add(HostWay::from_host, "weights from host", Bytes(stepped.elements * element_bytes(plan.precision)));
  return steps;
}

Steps with_activations_to_host(Steps forward, const Model& model, const Plan& plan, std::int64_t chunk) {
  return Mover(model, plan, chunk, std::move(forward)).to_host();
}

Steps with_activations_from_host(Steps backward, const Model& model, const Plan& plan, std::int64_t chunk) {
  return Mover(model, plan, chunk, std::move(backward)).from_host();
}

}  // namespace rehearse
