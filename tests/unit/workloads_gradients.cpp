// Reductions of gradients: every element once, whole or in buckets, after the backward pass or as soon as it may be.
#include <doctest/doctest.h>

#include <algorithm>

#include "workloads/gradient_buckets.hpp"

using namespace rehearse;

namespace {

const Model model{
    .layers = 4, .hidden = 64, .heads = 4, .kv_heads = 4, .head_dim = 16, .ffn = 256, .vocab = 1000, .seq_len = 32};

Plan plan_of(std::int64_t bucket_bytes) {
  Plan plan;
  plan.tensor = 2, plan.pipeline = 2, plan.data = 4, plan.global_batch = 16;
  plan.bucket_size = Bytes(bucket_bytes);
  return plan;
}

std::vector<CollectiveStep> collectives(const Steps& steps) {
  std::vector<CollectiveStep> out;
  for (const Step& step : steps)
    if (const auto* call = std::get_if<CollectiveStep>(&step); call != nullptr && call->group == GroupKind::data)
      out.push_back(*call);
  return out;
}

/// All of one kind over the data group, whole buckets and a rest, together `parameters` elements.
void check_buckets(const std::vector<CollectiveStep>& steps, const Plan& plan, std::int64_t parameters, bool blocking) {
  const std::int64_t bucket = plan.bucket_size == Bytes(0) ? parameters : plan.bucket_size.value() / 4;
  REQUIRE(steps.size() == static_cast<std::size_t>((parameters + bucket - 1) / bucket));
  std::int64_t sum = 0;
  for (const CollectiveStep& step : steps) {
    CHECK(step.group == GroupKind::data);
    CHECK(step.kind == Kind::data_comm);
    CHECK(step.blocking == blocking);
    CHECK(step.op == (plan.zero > 0 ? CollectiveOp::reduce_scatter : CollectiveOp::all_reduce));
    CHECK(step.element_bytes == 4);
    CHECK(step.elements <= bucket);
    sum += step.elements;
  }
  CHECK(sum == parameters);
}

}  // namespace

TEST_CASE("gradients: each element is reduced once, in buckets of the size asked for") {
  for (std::int64_t bucket : {0, 4'000, 100'000, 1'000'000'000})
    for (std::int64_t zero : {0, 1})
      for (std::int64_t chunk : {0, 1}) {
        CAPTURE(bucket);
        CAPTURE(chunk);
        Plan plan = plan_of(bucket);
        plan.zero = zero;
        const std::int64_t parameters = chunk_parameters(model, plan, chunk);
        check_buckets(gradient_buckets(model, plan, chunk), plan, parameters, true);
        const Steps overlapped = with_gradient_buckets(backward_steps(model, plan, chunk), model, plan, chunk);
        check_buckets(collectives(overlapped), plan, parameters, false);
      }
}

TEST_CASE("gradients: the tensors that they come in") {
  // A layer: four weights and biases, two scales and shifts of norms. The first chunk has token and position
  // embeddings, the last the final norm and its copy of the tied embedding.
  Plan plan = plan_of(0);
  CHECK(chunk_tensors(model, plan, 0) == 2 * 12 + 2);
  CHECK(chunk_tensors(model, plan, 1) == 2 * 12 + 2 + 1);
  Model llama = model;
  llama.bias = false, llama.norm = Norm::rms_norm, llama.positions = Positions::rotary, llama.tied_embeddings = false;
  CHECK(chunk_tensors(llama, plan, 0) == 2 * 6 + 1);
  CHECK(chunk_tensors(llama, plan, 1) == 2 * 6 + 1 + 1);
  plan.pipeline = 1;
  CHECK(chunk_tensors(model, plan, 0) == 4 * 12 + 2 + 2);  // the tied embedding once
}

TEST_CASE("gradients: without data parallelism there is nothing to reduce") {
  Plan plan = plan_of(4'000);
  plan.data = 1;
  CHECK(gradient_buckets(model, plan, 0).empty());
  const Steps backward = backward_steps(model, plan, 0);
  CHECK(with_gradient_buckets(backward, model, plan, 0).size() == backward.size());
}

TEST_CASE("gradients: a bucket waits for the layers that fill it, and only for them") {
  const Plan plan = plan_of(4 * model.layer_parameters() / 2);  // a layer's share of a tensor rank
  const Steps steps = with_gradient_buckets(backward_steps(model, plan, 0), model, plan, 0);
  // The first stage: layers 1 and 0, then the embedding.
  std::vector<std::size_t> reductions;
  std::size_t first_of_layer_0 = steps.size();
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const auto* kernel = std::get_if<KernelStep>(&steps[i]);
    if (kernel != nullptr && kernel->layer == 0) first_of_layer_0 = std::min(first_of_layer_0, i);
    if (kernel == nullptr && std::get<CollectiveStep>(steps[i]).group == GroupKind::data) reductions.push_back(i);
  }
  REQUIRE(reductions.size() >= 3);
  CHECK(reductions[0] + 1 == first_of_layer_0);  // layer 1 is done
  CHECK(reductions[1] > first_of_layer_0);
  CHECK(reductions.back() + 1 == steps.size());  // the embedding's rest
}

TEST_CASE("gradients: ZeRO-1 gathers what each rank has stepped, in the precision of the weights") {
  const CollectiveStep gather = parameter_gather(plan_of(0), 1000);
  CHECK(gather.op == CollectiveOp::all_gather);
  CHECK(gather.group == GroupKind::data);
  CHECK(gather.elements == 1000);
  CHECK(gather.element_bytes == 2);
}
