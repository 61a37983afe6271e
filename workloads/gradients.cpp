#include "workloads/gradients.hpp"

#include <algorithm>
#include <array>

namespace rehearse {

namespace {

CollectiveStep step(const Plan& plan, GroupKind group, CollectiveOp op, std::int64_t elements, bool blocking,
                    Operand operand) {
  return {.group = group,
          .op = op,
          .elements = elements,
          .element_bytes = element_bytes(plan.gradient_precision),
          .kind = Kind::data_comm,
          .blocking = blocking,
          .operand = operand};
}

/// Of a chunk's gradients those that make buckets of their own: the first that its backward pass gives, the last.
struct OwnBuckets {
  std::int64_t first = 0, last = 0;
};

/// The two copies of a tied embedding lie at different places of their chunks' gradients. Where these are sharded, a
/// rank must get the same part of both, or it has no sum of them to step.
OwnBuckets own_buckets(const Model& model, const Plan& plan, std::int64_t chunk) {
  if (!model.is_transformer() || !model.tied_embeddings || plan.chunks() < 2 || plan.shards() < 2) return {};
  const std::int64_t table = padded_vocab(model, plan) / plan.tensor * model.hidden;
  return {.first = chunk + 1 == plan.chunks() ? table : 0, .last = chunk == 0 ? table : 0};
}

/// Cuts what a backward pass produces, layer by layer, into buckets. Sharded gradients have memory of their own only
/// while a bucket fills and is reduced, two at a time where that goes on beside the pass.
class Buckets {
 public:
  Buckets(const Plan& plan, const ParameterFamily& family, std::int64_t all, bool blocking, std::int32_t& handles,
          const OwnBuckets& own = {})
      : plan_(plan),
        family_(family),
        all_(family.ranks < 2 ? 0 : all),
        size_(size_of(plan, all)),
        own_(family.ranks < 2 ? OwnBuckets() : own),
        blocking_(blocking),
        in_memory_(plan.zero >= 2 && plan.reduce_every_micro_batch && family.shards > 1),
        handles_(handles) {}

  void begin(Steps& steps) { memory(number_, next(), steps); }
  void fill(std::int64_t elements, Steps& steps) {
    for (filled_ += elements; reduced_ < std::min(filled_, all_) && filled_ - reduced_ >= next();) reduce(steps);
  }
  void finish(Steps& steps) {
    fill(all_ - filled_, steps);
    settle(steps);
  }

 private:
  static std::int64_t size_of(const Plan& plan, std::int64_t all) {
    if (plan.bucket_size == Bytes(0)) return std::max<std::int64_t>(1, all);
    return std::max<std::int64_t>(1, plan.bucket_size.value() / element_bytes(plan.gradient_precision));
  }
  /// Elements of the bucket that fills.
  [[nodiscard]] std::int64_t next() const {
    const std::int64_t end = reduced_ < own_.first ? own_.first : reduced_ < all_ - own_.last ? all_ - own_.last : all_;
    return std::min(size_, end - reduced_);
  }

  void reduce(Steps& steps) {
    if (in_memory_) settle(steps);
    waiting_ = add_reduction(plan_, family_, next(), blocking_, handles_, steps);
    going_ = next();
    reduced_ += going_;
    ++number_;
    if (blocking_) settle(steps);
    memory(number_, next(), steps);
  }
  /// The bucket that is being reduced is done.
  void settle(Steps& steps) {
    if (in_memory_ && waiting_ >= 0) steps.emplace_back(WaitStep{waiting_});
    memory(number_ - 1, -going_, steps);
    waiting_ = -1, going_ = 0;
  }
  /// One bucket may fill while the one before is under way.
  void memory(std::int64_t bucket, std::int64_t elements, Steps& steps) const {
    constexpr std::array<std::string_view, 2> dense{"gradient bucket", "gradient bucket 2"};
    constexpr std::array<std::string_view, 2> expert{"expert gradient bucket", "expert gradient bucket 2"};
    const auto& names = family_.operand == Operand::gradients ? dense : expert;
    if (in_memory_ && elements != 0)
      steps.emplace_back(MemoryStep{names[static_cast<std::size_t>(bucket % 2)], -1,
                                    Bytes(elements * element_bytes(plan_.gradient_precision)), MemoryUse::gathered});
  }

  const Plan& plan_;
  ParameterFamily family_;
  std::int64_t all_, size_;
  OwnBuckets own_;
  bool blocking_, in_memory_;
  std::int32_t& handles_;
  std::int64_t filled_ = 0, reduced_ = 0, going_ = 0;
  std::int64_t number_ = 0;  ///< of the bucket that fills
  std::int32_t waiting_ = -1;
};

}  // namespace

std::int16_t layer_of(const Step& step) {
  const auto layer = [](const auto& s) -> std::int16_t {
    if constexpr (requires { s.layer; }) return s.layer;
    return -1;
  };
  return std::visit(layer, step);
}

bool is_work(const Step& step) {
  return std::holds_alternative<KernelStep>(step) || std::holds_alternative<CollectiveStep>(step);
}

std::int32_t first_free_handle(const Steps& steps) {
  std::int32_t last = -1;
  for (const Step& step : steps)
    last = std::max(last, std::visit(
                              [](const auto& s) -> std::int32_t {
                                if constexpr (requires { s.handle; }) return s.handle;
                                return -1;
                              },
                              step));
  return last + 1;
}

ParameterFamily dense_family(const Plan& plan) {
  const bool whole = plan.shards() == plan.replicas();
  return {GroupKind::data,      whole ? GroupKind::data : GroupKind::shard,
          GroupKind::replicate, plan.replicas(),
          plan.shards(),        Operand::gradients,
          Operand::parameters};
}

ParameterFamily expert_family(const Plan& plan) {
  const std::int64_t ranks = plan.replicas() / plan.expert;
  if (plan.expert == 1) {  // experts are on every rank, as all else is
    ParameterFamily family = dense_family(plan);
    family.operand = Operand::expert_gradients, family.parameters = Operand::expert_parameters;
    return family;
  }
  return {GroupKind::expert_data,    GroupKind::expert_data,    GroupKind::replicate,      ranks,
          plan.zero > 0 ? ranks : 1, Operand::expert_gradients, Operand::expert_parameters};
}

std::int32_t add_reduction(const Plan& plan, const ParameterFamily& family, std::int64_t elements, bool blocking,
                           std::int32_t& handles, Steps& steps) {
  if (family.ranks < 2 || elements == 0) return -1;
  const bool sharded = family.shards > 1;
  CollectiveStep sum =
      step(plan, sharded ? family.shard : family.all, sharded ? CollectiveOp::reduce_scatter : CollectiveOp::all_reduce,
           elements, blocking, family.operand);
  if (!blocking) sum.handle = handles++;
  steps.emplace_back(sum);
  if (sharded && family.shards < family.ranks) {
    CollectiveStep of_share = step(plan, family.replicate, CollectiveOp::all_reduce,
                                   (elements + family.shards - 1) / family.shards, blocking, family.operand);
    of_share.after = sum.handle;
    steps.emplace_back(of_share);
  }
  return sum.handle;
}

namespace {

/// Of each step, whether it makes a layer's activations again: recomputed kernels, and the collectives before them.
std::vector<bool> remade_steps(const Steps& steps) {
  std::vector<bool> out(steps.size());
  bool remade = false;
  for (std::size_t i = steps.size(); i-- > 0; out[i] = remade)
    if (const auto* kernel = std::get_if<KernelStep>(&steps[i])) remade = kernel->kind == Kind::recompute;
  return out;
}

/// Tells when a backward pass has all gradients of a layer.
class LayerWatch {
 public:
  explicit LayerWatch(const Steps& backward) : remade_(remade_steps(backward)) {}

  /// The layer that is done before step `i` begins; -1: none.
  std::int16_t done_before(std::size_t i, const Step& step) {
    const std::int16_t layer = layer_of(step), before = current_;
    if (!is_work(step) || layer == current_) return -1;
    current_ = remade_[i] ? std::int16_t{-1} : layer;  // what is only remade gives no gradients
    return before;
  }

 private:
  std::vector<bool> remade_;
  std::int16_t current_ = -1;
};

}  // namespace

Steps gradient_reductions(const Model& model, const Plan& plan, std::int64_t chunk) {
  const HeldParameters held = chunk_held(model, plan, chunk);
  Steps steps;
  std::int32_t handles = 0;
  Buckets(plan, dense_family(plan), held.dense, true, handles, own_buckets(model, plan, chunk)).finish(steps);
  Buckets(plan, expert_family(plan), held.expert, true, handles).finish(steps);
  return steps;
}

Steps with_gradient_buckets(Steps backward, const Model& model, const Plan& plan, std::int64_t chunk) {
  if (plan.replicas() < 2) return backward;
  const HeldParameters all = chunk_held(model, plan, chunk);
  HeldParameters around = all;  // embedding or head
  const LayerRange range = layers_of(model, plan, chunk);
  for (std::int64_t layer = range.first; layer < range.last; ++layer) {
    const HeldParameters of_layer = layer_held(model, plan, layer);
    around.dense -= of_layer.dense;
    around.expert -= of_layer.expert;
  }
  std::int32_t handles = first_free_handle(backward);
  const bool blocking = !plan.overlap_grad_reduce;
  Buckets dense(plan, dense_family(plan), all.dense, blocking, handles, own_buckets(model, plan, chunk));
  Buckets expert(plan, expert_family(plan), all.expert, blocking, handles);
  Steps steps;
  dense.begin(steps);
  expert.begin(steps);
  LayerWatch watch(backward);
  bool begun = chunk == 0;
  for (std::size_t i = 0; i < backward.size(); ++i) {
    if (!begun && is_work(backward[i]) && layer_of(backward[i]) >= 0) {
      dense.fill(around.dense, steps);  // the head's gradients come first, the embedding's last
      begun = true;
    }
    if (const std::int16_t done = watch.done_before(i, backward[i]); done >= 0) {
      const HeldParameters of_layer = layer_held(model, plan, done);
      dense.fill(of_layer.dense, steps);
      expert.fill(of_layer.expert, steps);
    }
    steps.push_back(std::move(backward[i]));
  }
  dense.finish(steps);
  expert.finish(steps);
  return steps;
}

Steps other_reductions(const Model& model, const Plan& plan, const HeldParameters& held, std::int64_t stage) {
  Steps steps;
  const auto add = [&](GroupKind group, std::int64_t elements, Kind kind, Operand operand) {
    // Of sharded gradients every rank has a share by now.
    const std::int64_t shards = plan.zero >= 2 ? plan.shards() : 1;
    CollectiveStep sum = step(plan, group, CollectiveOp::all_reduce, (elements + shards - 1) / shards, true, operand);
    sum.kind = kind;
    if (elements > 0) steps.emplace_back(sum);
  };
  const ChunkLayout layout = plan.pipeline_row().layout;
  if (plan.sequence_parallel && plan.tensor > 1)
    add(GroupKind::tensor, held.replicated, Kind::tensor_comm, Operand::replicated_gradients);
  add(GroupKind::shared_heads, held.shared_heads, Kind::tensor_comm, Operand::shared_head_gradients);
  if (layout == ChunkLayout::bidirectional)
    add(GroupKind::mirror, held.all(), Kind::embedding_comm, Operand::gradients);
  const bool holds_table = stage == 0 || stage + 1 == plan.pipeline;
  if (model.is_transformer() && model.tied_embeddings && plan.pipeline > 1 && holds_table &&
      layout == ChunkLayout::looped)
    add(GroupKind::embedding, padded_vocab(model, plan) / plan.tensor * model.hidden, Kind::embedding_comm,
        Operand::embedding_gradients);
  return steps;
}

SteppedParameters stepped_parameters(const Plan& plan, const HeldParameters& held) {
  const std::int64_t dense = dense_family(plan).shards, expert = expert_family(plan).shards;
  const auto share = [](std::int64_t parameters, std::int64_t shards) { return (parameters + shards - 1) / shards; };
  return {share(held.dense, dense) + share(held.expert, expert),
          share(held.dense_factors, dense) + share(held.expert_factors, expert)};
}

Steps parameter_gathers(const Plan& plan, const HeldParameters& held) {
  Steps steps;
  if (plan.zero != 1 && plan.zero != 2) return steps;
  const auto add = [&](const ParameterFamily& family, std::int64_t elements) {
    if (family.shards < 2 || elements == 0) return;
    CollectiveStep gather = step(plan, family.shard, CollectiveOp::all_gather, elements, true, family.parameters);
    gather.element_bytes = element_bytes(plan.precision);
    steps.emplace_back(gather);
  };
  add(dense_family(plan), held.dense);
  add(expert_family(plan), held.expert);
  return steps;
}

}  // namespace rehearse
