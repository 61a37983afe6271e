#include "workloads/optimizer.hpp"

namespace rehearse {

namespace {

CollectiveStep norm_reduction(GroupKind group) {
  return {.group = group,
          .op = CollectiveOp::all_reduce,
          .elements = 1,
          .element_bytes = 4,
          .kind = Kind::data_comm,
          .operand = Operand::gradient_norm};
}

constexpr std::int64_t master_bytes = 4;  // fp32

/// Elements of states.
std::int64_t state_elements(const Plan& plan, const SteppedParameters& parameters) {
  switch (plan.optimizer) {
    case Optimizer::adam: return 2 * parameters.elements;
    case Optimizer::momentum: return parameters.elements;
    case Optimizer::sgd: return 0;
    case Optimizer::adafactor: return parameters.factors;
  }
  return 0;
}

/// Of the step itself: states and weight read and written, the gradient read; the working weight written, and read
/// where there is no other.
Bytes update_bytes(const Plan& plan, const SteppedParameters& parameters) {
  const std::int64_t weight = element_bytes(plan.precision), gradient = element_bytes(plan.gradient_precision);
  const std::int64_t weights = weight + (plan.master_weights ? 2 * master_bytes : weight);
  return Bytes(2 * element_bytes(plan.optimizer_precision) * state_elements(plan, parameters) +
               (weights + gradient) * parameters.elements);
}

/// Adafactor reads gradients once more for the sums of their squares and once for the norm of the update that these
/// give, and the weights for theirs.
Bytes statistics_bytes(const Plan& plan, const SteppedParameters& parameters) {
  if (plan.optimizer != Optimizer::adafactor) return Bytes(0);
  const std::int64_t weight = plan.master_weights ? master_bytes : element_bytes(plan.precision);
  return Bytes((2 * element_bytes(plan.gradient_precision) + weight) * parameters.elements);
}

}  // namespace

Steps optimizer_steps(const Model& model, const Plan& plan, const SteppedParameters& parameters) {
  const Bytes gradients(element_bytes(plan.gradient_precision) * parameters.elements);
  Steps steps;
  const auto add = [&](std::string_view name, StreamKind kind, Bytes bytes) {
    steps.emplace_back(KernelStep{{.name = std::string(name), .work = Stream{kind, bytes}, .precision = plan.precision},
                                  Kind::optimizer,
                                  -1,
                                  "optimizer"});
  };
  if (plan.clip_gradients) {
    add("gradient norm", StreamKind::reduction, gradients);
    if (plan.tensor > 1) steps.emplace_back(norm_reduction(GroupKind::tensor));
    if (plan.pipeline > 1) {
      CollectiveStep over_stages = norm_reduction(GroupKind::stages);
      over_stages.blocking = !plan.post_validation;
      steps.emplace_back(over_stages);
    }
    const bool differ = plan.zero > 0 || plan.expert > 1 || !model.is_transformer();
    if (differ && plan.replicas() > 1) steps.emplace_back(norm_reduction(GroupKind::data));
    add("gradient clip", StreamKind::scale, gradients * 2);
  }
  if (plan.offload_optimizer) return steps;  // the host goes on
  if (const Bytes bytes = statistics_bytes(plan, parameters); bytes > Bytes(0))
    add("adafactor statistics", StreamKind::reduction, bytes);
  add(optimizer_name(plan.optimizer), StreamKind::adam, update_bytes(plan, parameters));
  return steps;
}

Bytes optimizer_bytes(const Plan& plan, const SteppedParameters& parameters) {
  return Bytes(element_bytes(plan.optimizer_precision) * state_elements(plan, parameters) +
               (plan.master_weights ? master_bytes : 0) * parameters.elements);
}

Bytes stepped_bytes(const Plan& plan, const SteppedParameters& parameters) {
  return update_bytes(plan, parameters) + statistics_bytes(plan, parameters);
}

}  // namespace rehearse
