#include "workloads/sharding.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "workloads/gradients.hpp"

namespace rehearse {

namespace {

/// A stretch of a pass in which one unit computes.
struct Visit {
  std::size_t unit = 0;
  std::size_t begin = 0;  ///< its first step
};

/// The unit whose work a step is; none: that of the step before.
std::optional<std::size_t> unit_of(const Step& step, const std::vector<ShardedUnit>& units) {
  if (!is_work(step)) return std::nullopt;
  const std::int16_t layer = layer_of(step);
  const auto* kernel = std::get_if<KernelStep>(&step);
  if (layer < 0 && kernel == nullptr) return std::nullopt;
  const auto found = std::ranges::find_if(
      units, [&](const ShardedUnit& u) { return u.layer == layer && (layer >= 0 || u.block == kernel->block); });
  if (found == units.end()) return std::nullopt;
  return static_cast<std::size_t>(found - units.begin());
}

std::vector<Visit> visits_of(const Steps& steps, const std::vector<ShardedUnit>& units) {
  std::vector<Visit> visits;
  for (std::size_t i = 0; i < steps.size(); ++i)
    if (const auto unit = unit_of(steps[i], units); unit && (visits.empty() || visits.back().unit != *unit))
      visits.push_back({*unit, i});
  return visits;
}

class Sharder {
 public:
  Sharder(Steps steps, const Model& model, const Plan& plan, std::int64_t chunk, const ShardedPass& pass)
      : plan_(plan),
        pass_(pass),
        families_{dense_family(plan), expert_family(plan)},
        units_(sharded_units(model, plan, chunk)),
        in_(std::move(steps)),
        visits_(visits_of(in_, units_)),
        handles_(first_free_handle(in_)),
        of_unit_(units_.size()) {}

  Steps run() {
    std::size_t next = 0;
    for (std::size_t i = 0; i < in_.size(); ++i) {
      if (next < visits_.size() && visits_[next].begin == i) {
        if (next > 0) close(next - 1);
        open(next++);
      }
      out_.push_back(std::move(in_[i]));
    }
    if (next > 0) close(next - 1);
    free_unvisited();
    // What no kernel of this pass says that it makes.
    for (std::size_t u = 0; u < units_.size(); ++u) {
      begin_gradients(u);
      reduce(u);
    }
    settle();
    return std::move(out_);
  }

 private:
  struct OfUnit {
    bool gathered = false, has_gradients = false, reduced = false;
    std::vector<std::int32_t> gathers;  ///< to wait for
  };

  static std::int64_t of_family(const HeldParameters& held, std::size_t family) {
    return family == 0 ? held.dense : held.expert;
  }
  [[nodiscard]] bool is_sharded(std::size_t family) const { return families_[family].shards > 1; }
  [[nodiscard]] Bytes full_size(const HeldParameters& held, Precision precision) const {
    std::int64_t elements = 0;
    for (std::size_t f = 0; f < families_.size(); ++f)
      if (is_sharded(f)) elements += of_family(held, f);
    return Bytes(elements * element_bytes(precision));
  }
  void memory(std::size_t unit, std::string_view name, Bytes bytes) {
    if (bytes != Bytes(0)) out_.emplace_back(MemoryStep{name, units_[unit].layer, bytes, MemoryUse::gathered});
  }
  /// `sign`: 1: gathered, -1: gone.
  void parameters_memory(std::size_t unit, std::int64_t sign) {
    const Bytes bytes = full_size(units_[unit].parameters, plan_.precision) * sign;
    if (bytes != Bytes(0))
      out_.emplace_back(MemoryStep{.name = parameters_name(unit),
                                   .layer = units_[unit].layer,
                                   .bytes = bytes,
                                   .use = MemoryUse::gathered,
                                   .of_all = !plan_.reshard_after_forward});
  }
  /// Embedding and head are both of layer -1.
  [[nodiscard]] std::string_view parameters_name(std::size_t unit) const {
    return units_[unit].block == "head" ? "gathered parameters of the head" : "gathered parameters";
  }
  [[nodiscard]] std::string_view gradients_name(std::size_t unit) const {
    return units_[unit].block == "head" ? "whole gradients of the head" : "whole gradients";
  }

  void open(std::size_t visit) {
    const std::size_t unit = visits_[visit].unit;
    if (pass_.gathers) {
      gather(unit, true);
      for (const std::int32_t handle : of_unit_[unit].gathers) out_.emplace_back(WaitStep{handle});
      of_unit_[unit].gathers.clear();
      const std::size_t last = std::min(visits_.size() - 1, visit + static_cast<std::size_t>(plan_.prefetch));
      for (std::size_t v = visit + 1; v <= last; ++v) gather(visits_[v].unit, false);
    }
    begin_gradients(unit);
    if (units_[unit].begins_too >= 0) begin_gradients(static_cast<std::size_t>(units_[unit].begins_too));
  }

  void gather(std::size_t unit, bool blocking) {
    OfUnit& at = of_unit_[unit];
    if (at.gathered) return;
    at.gathered = true;
    parameters_memory(unit, 1);
    for (std::size_t f = 0; f < families_.size(); ++f) {
      const std::int64_t elements = of_family(units_[unit].parameters, f);
      if (!is_sharded(f) || elements == 0) continue;
      out_.emplace_back(CollectiveStep{.group = families_[f].shard,
                                       .op = CollectiveOp::all_gather,
                                       .elements = elements,
                                       .element_bytes = element_bytes(plan_.precision),
                                       .kind = Kind::data_comm,
                                       .layer = units_[unit].layer,
                                       .block = units_[unit].block,
                                       .blocking = blocking,
                                       .handle = blocking ? -1 : handles_,
                                       .operand = families_[f].parameters});
      if (!blocking) at.gathers.push_back(handles_++);
    }
  }

  /// Where gradients are sharded from micro batch to micro batch, whole ones have memory of their own.
  [[nodiscard]] Bytes whole_gradients(std::size_t unit) const {
    return plan_.reduce_every_micro_batch ? full_size(units_[unit].gradients, plan_.gradient_precision) : Bytes(0);
  }

  void begin_gradients(std::size_t unit) {
    if (!pass_.reduces || of_unit_[unit].has_gradients) return;
    of_unit_[unit].has_gradients = true;
    memory(unit, gradients_name(unit), whole_gradients(unit));
  }

  [[nodiscard]] bool comes_again(std::size_t visit, std::size_t within) const {
    const std::size_t unit = visits_[visit].unit;
    const std::size_t last = std::min(visits_.size() - 1 - visit, within);
    for (std::size_t ahead = 1; ahead <= last; ++ahead)
      if (visits_[visit + ahead].unit == unit) return true;
    return false;
  }

  void close(std::size_t visit) {
    const std::size_t unit = visits_[visit].unit;
    const auto within = plan_.reshard_after_forward ? static_cast<std::size_t>(plan_.prefetch) : visits_.size();
    if (pass_.frees && !comes_again(visit, within)) {
      parameters_memory(unit, -1);
      of_unit_[unit].gathered = false;
    }
    if (!comes_again(visit, visits_.size())) reduce(unit);
  }

  /// Parameters that stay from pass to pass go with the last one, also of a unit that has nothing to do in it: an
  /// embedding in a pass for the gradients of inputs.
  void free_unvisited() {
    if (!pass_.frees || plan_.reshard_after_forward) return;
    for (std::size_t u = 0; u < units_.size(); ++u)
      if (std::ranges::find(visits_, u, &Visit::unit) == visits_.end()) parameters_memory(u, -1);
  }

  void reduce(std::size_t unit) {
    if (!pass_.reduces || of_unit_[unit].reduced) return;
    of_unit_[unit].reduced = true;
    settle();
    reducing_ = unit;
    for (std::size_t f = 0; f < families_.size(); ++f)
      reductions_.push_back(
          add_reduction(plan_, families_[f], of_family(units_[unit].gradients, f), false, handles_, out_));
  }

  /// The reduction under way is done.
  void settle() {
    for (const std::int32_t handle : reductions_)
      if (handle >= 0) out_.emplace_back(WaitStep{handle});
    if (reducing_) memory(*reducing_, gradients_name(*reducing_), whole_gradients(*reducing_) * -1);
    reductions_.clear();
    reducing_.reset();
  }

  const Plan& plan_;
  ShardedPass pass_;
  std::array<ParameterFamily, 2> families_;
  std::vector<ShardedUnit> units_;
  Steps in_, out_;
  std::vector<Visit> visits_;
  std::int32_t handles_;
  std::vector<OfUnit> of_unit_;
  std::optional<std::size_t> reducing_;
  std::vector<std::int32_t> reductions_;  // of that unit
};

}  // namespace

std::vector<ShardedUnit> sharded_units(const Model& model, const Plan& plan, std::int64_t chunk) {
  std::vector<ShardedUnit> units;
  const auto add = [&](std::int16_t layer, std::string_view block, const HeldParameters& held) {
    if (held.dense + held.expert > 0)
      units.push_back({.layer = layer, .block = block, .parameters = held, .gradients = held});
  };
  const bool first = chunk == 0, last = chunk + 1 == plan.chunks();
  if (first) add(-1, "embedding", held_of(embedding_tensors(model), model, plan));
  const LayerRange range = layers_of(model, plan, chunk);
  for (std::int64_t layer = range.first; layer < range.last; ++layer)
    add(static_cast<std::int16_t>(layer), "", layer_held(model, plan, layer));
  if (!last || !model.is_transformer()) return units;
  // The last chunk's copy of a tied table is the head's; where that chunk is the first, too, the two share the table.
  std::vector<ParameterTensor> head = head_tensors(model);
  const HeldParameters own = held_of(head, model, plan);
  if (model.tied_embeddings) head.push_back(embedding_tensors(model).front());
  add(-1, "head", held_of(head, model, plan));
  if (model.tied_embeddings && first) {
    units.back().gradients = own;
    units.back().begins_too = 0;
  }
  return units;
}

Steps with_sharded_units(Steps steps, const Model& model, const Plan& plan, std::int64_t chunk,
                         const ShardedPass& pass) {
  return Sharder(std::move(steps), model, plan, chunk, pass).run();
}

}  // namespace rehearse
