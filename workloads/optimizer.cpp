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

}  // namespace

Steps optimizer_steps(const Model& model, const Plan& plan, std::int64_t parameters) {
  const std::int64_t weight = element_bytes(plan.precision), gradient = element_bytes(plan.gradient_precision);
  Steps steps;
  const auto add = [&](const char* name, StreamKind kind, std::int64_t per_parameter) {
    const Stream stream{kind, Bytes(per_parameter * parameters)};
    steps.emplace_back(
        KernelStep{{.name = name, .work = stream, .precision = plan.precision}, Kind::optimizer, -1, "optimizer"});
  };
  if (plan.clip_gradients) {
    add("gradient norm", StreamKind::reduction, gradient);
    if (plan.tensor > 1) steps.emplace_back(norm_reduction(GroupKind::tensor));
    if (plan.pipeline > 1) {
      CollectiveStep over_stages = norm_reduction(GroupKind::stages);
      over_stages.blocking = !plan.post_validation;
      steps.emplace_back(over_stages);
    }
    const bool differ = plan.zero > 0 || plan.expert > 1 || !model.is_transformer();
    if (differ && plan.replicas() > 1) steps.emplace_back(norm_reduction(GroupKind::data));
    add("gradient clip", StreamKind::scale, 2 * gradient);
  }
  // fp32 master weight and two moments, each read and written; the gradient read; the working weight written.
  add("adam", StreamKind::adam, 24 + gradient + weight);
  return steps;
}

double optimizer_bytes(const Plan& plan) {
  return (plan.master_weights ? 4.0 : 0.0) + 2.0 * static_cast<double>(element_bytes(plan.optimizer_precision));
}

}  // namespace rehearse
