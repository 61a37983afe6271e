#include "workloads/gradients.hpp"

#include <algorithm>

namespace rehearse {

namespace {

/// Of experts, or of everything else.
struct Family {
  GroupKind all, shard, replicate;
  std::int64_t ranks, shards;
  Operand operand;
};

Family dense_family(const Plan& plan) {
  const bool whole = plan.shards() == plan.replicas();
  return {GroupKind::data,      whole ? GroupKind::data : GroupKind::shard,
          GroupKind::replicate, plan.replicas(),
          plan.shards(),        Operand::gradients};
}

Family expert_family(const Plan& plan) {
  const std::int64_t ranks = plan.replicas() / plan.expert;
  return {GroupKind::expert_data,    GroupKind::expert_data,   GroupKind::replicate, ranks,
          plan.zero > 0 ? ranks : 1, Operand::expert_gradients};
}

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

/// One bucket.
void reduce(const Plan& plan, const Family& family, std::int64_t elements, bool blocking, Steps& steps) {
  if (family.ranks < 2 || elements == 0) return;
  if (family.shards < 2) {
    steps.emplace_back(step(plan, family.all, CollectiveOp::all_reduce, elements, blocking, family.operand));
    return;
  }
  steps.emplace_back(step(plan, family.shard, CollectiveOp::reduce_scatter, elements, blocking, family.operand));
  if (family.shards < family.ranks)
    steps.emplace_back(step(plan, family.replicate, CollectiveOp::all_reduce,
                            (elements + family.shards - 1) / family.shards, blocking, family.operand));
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

/// Cuts what a backward pass produces, layer by layer, into buckets.
class Buckets {
 public:
  Buckets(const Plan& plan, const Family& family, std::int64_t all, bool blocking, const OwnBuckets& own = {})
      : plan_(plan), family_(family), all_(all), size_(size_of(plan, all)), own_(own), blocking_(blocking) {}

  void fill(std::int64_t elements, Steps& steps) {
    for (filled_ += elements; filled_ - reduced_ >= size_ && reduced_ + size_ <= all_ - own_.last;) take(size_, steps);
  }
  /// What the pass gives first, up to the end of its own bucket.
  void begin(std::int64_t elements, Steps& steps) {
    filled_ += own_.first;
    cut(steps);
    fill(elements - own_.first, steps);
  }
  void finish(Steps& steps) {
    if (filled_ == 0) begin(own_.first, steps);
    filled_ = all_ - own_.last;
    cut(steps);
    filled_ = all_;
    cut(steps);
  }

 private:
  static std::int64_t size_of(const Plan& plan, std::int64_t all) {
    if (plan.bucket_size == Bytes(0)) return std::max<std::int64_t>(1, all);
    return std::max<std::int64_t>(1, plan.bucket_size.value() / element_bytes(plan.gradient_precision));
  }
  void take(std::int64_t elements, Steps& steps) {
    reduce(plan_, family_, elements, blocking_, steps);
    reduced_ += elements;
  }
  /// All that there is.
  void cut(Steps& steps) {
    while (reduced_ < filled_) take(std::min(size_, filled_ - reduced_), steps);
  }

  const Plan& plan_;
  Family family_;
  std::int64_t all_, size_;
  OwnBuckets own_;
  bool blocking_;
  std::int64_t filled_ = 0, reduced_ = 0;
};

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
  Buckets(plan, dense_family(plan), held.dense, true, own_buckets(model, plan, chunk)).finish(steps);
  Buckets(plan, expert_family(plan), held.expert, true).finish(steps);
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
  Buckets dense(plan, dense_family(plan), all.dense, false, own_buckets(model, plan, chunk));
  Buckets expert(plan, expert_family(plan), all.expert, false);
  Steps steps;
  LayerWatch watch(backward);
  bool begun = chunk == 0;
  for (std::size_t i = 0; i < backward.size(); ++i) {
    if (!begun && is_work(backward[i]) && layer_of(backward[i]) >= 0) {
      dense.begin(around.dense, steps);  // the head's gradients come first, the embedding's last
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
    CollectiveStep sum = step(plan, group, CollectiveOp::all_reduce, elements, true, operand);
    sum.kind = kind;
    if (elements > 0) steps.emplace_back(sum);
  };
  const ChunkLayout layout = plan.pipeline_row().layout;
  if (plan.sequence_parallel && plan.tensor > 1)
    add(GroupKind::tensor, held.replicated, Kind::tensor_comm, Operand::replicated_gradients);
  add(GroupKind::shared_heads, held.shared_heads, Kind::tensor_comm, Operand::shared_head_gradients);
  if (layout == ChunkLayout::bidirectional) add(GroupKind::mirror, held.all(), Kind::data_comm, Operand::gradients);
  const bool holds_table = stage == 0 || stage + 1 == plan.pipeline;
  if (model.is_transformer() && model.tied_embeddings && plan.pipeline > 1 && holds_table &&
      layout == ChunkLayout::looped)
    add(GroupKind::embedding, padded_vocab(model, plan) / plan.tensor * model.hidden, Kind::embedding_comm,
        Operand::embedding_gradients);
  return steps;
}

std::int64_t stepped_parameters(const Plan& plan, const HeldParameters& held) {
  const auto share = [](std::int64_t parameters, std::int64_t shards) { return (parameters + shards - 1) / shards; };
  return share(held.dense, dense_family(plan).shards) + share(held.expert, expert_family(plan).shards) + held.dealt_out;
}

Steps parameter_gathers(const Plan& plan, const HeldParameters& held) {
  Steps steps;
  if (plan.zero != 1 && plan.zero != 2) return steps;
  const auto add = [&](const Family& family, std::int64_t elements) {
    if (family.shards < 2 || elements == 0) return;
    CollectiveStep gather = step(plan, family.shard, CollectiveOp::all_gather, elements, true, Operand::parameters);
    gather.element_bytes = element_bytes(plan.precision);
    steps.emplace_back(gather);
  };
  add(dense_family(plan), held.dense);
  add(expert_family(plan), held.expert);
  return steps;
}

}  // namespace rehearse
