#include "workloads/gradient_buckets.hpp"

#include <algorithm>

#include "workloads/transformer_kernels.hpp"

namespace rehearse {

namespace {

CollectiveStep reduction(const Plan& plan, std::int64_t elements, bool blocking) {
  return {.group = GroupKind::data,
          .op = plan.zero >= 1 ? CollectiveOp::reduce_scatter : CollectiveOp::all_reduce,
          .elements = elements,
          .element_bytes = element_bytes(plan.gradient_precision),
          .kind = Kind::data_comm,
          .blocking = blocking};
}

std::int64_t elements_of_bucket(const Plan& plan, std::int64_t parameters) {
  if (plan.bucket_size == Bytes(0)) return parameters;
  return std::max<std::int64_t>(1, plan.bucket_size.value() / element_bytes(plan.gradient_precision));
}

}  // namespace

std::vector<CollectiveStep> gradient_buckets(const Model& model, const Plan& plan, std::int64_t chunk) {
  std::vector<CollectiveStep> steps;
  if (plan.data < 2) return steps;
  const std::int64_t parameters = chunk_parameters(model, plan, chunk);
  const std::int64_t bucket = elements_of_bucket(plan, parameters);
  for (std::int64_t done = 0; done < parameters; done += bucket)
    steps.push_back(reduction(plan, std::min(bucket, parameters - done), true));
  return steps;
}

Steps with_gradient_buckets(Steps backward, const Model& model, const Plan& plan, std::int64_t chunk) {
  if (plan.data < 2) return backward;
  const LayerRange range = layers_of(model, plan, chunk);
  const std::int64_t all = chunk_parameters(model, plan, chunk);
  const std::int64_t bucket = elements_of_bucket(plan, all);
  const std::int64_t layer = model.layer_parameters() / plan.tensor;
  const std::int64_t around = all - (range.last - range.first) * layer;  // embedding or head
  Steps steps;
  std::int64_t filled = chunk == 0 ? 0 : around, reduced = 0;  // the head's gradients come first, the embedding's last
  std::int16_t current = -1;
  const auto flush_full = [&] {
    for (; filled - reduced >= bucket && reduced + bucket <= all; reduced += bucket)
      steps.emplace_back(reduction(plan, bucket, false));
  };
  for (Step& step : backward) {
    const auto* kernel = std::get_if<KernelStep>(&step);
    const std::int16_t at = kernel != nullptr ? kernel->layer : std::get<CollectiveStep>(step).layer;
    if (at != current && current >= 0) {  // the layer before is done
      filled += layer;
      flush_full();
    }
    current = at;
    steps.push_back(std::move(step));
  }
  for (; reduced < all; reduced += std::min(bucket, all - reduced))
    steps.emplace_back(reduction(plan, std::min(bucket, all - reduced), false));
  return steps;
}

CollectiveStep parameter_gather(const Plan& plan, std::int64_t parameters) {
  return {.group = GroupKind::data,
          .op = CollectiveOp::all_gather,
          .elements = parameters,
          .element_bytes = element_bytes(plan.precision),
          .kind = Kind::data_comm};
}

}  // namespace rehearse
