// Reductions of gradients: every element once, whole or in buckets, after the backward pass or as soon as it may be.
#include <doctest/doctest.h>

#include <algorithm>

#include "workloads/gradients.hpp"

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
  Model own_output = model;  // of a tied one that is sharded the table is a bucket of its own
  own_output.tied_embeddings = false;
  for (std::int64_t bucket : {0, 4'000, 100'000, 1'000'000'000})
    for (std::int64_t zero : {0, 1})
      for (std::int64_t chunk : {0, 1}) {
        CAPTURE(bucket);
        CAPTURE(chunk);
        Plan plan = plan_of(bucket);
        plan.zero = zero;
        const std::int64_t parameters = chunk_held(own_output, plan, chunk).dense;
        check_buckets(collectives(gradient_reductions(own_output, plan, chunk)), plan, parameters, true);
        plan.overlap_grad_reduce = true;
        const Steps overlapped =
            with_gradient_buckets(backward_steps(own_output, plan, chunk), own_output, plan, chunk);
        check_buckets(collectives(overlapped), plan, parameters, false);
      }
}

TEST_CASE("gradients: where they are sharded both copies of a tied embedding are buckets of their own") {
  Plan plan = plan_of(0);
  plan.zero = 1;
  const std::int64_t table = padded_vocab(model, plan) / plan.tensor * model.hidden;
  const auto sizes = [&](std::int64_t chunk) {
    std::vector<std::int64_t> out;
    for (const CollectiveStep& step : collectives(gradient_reductions(model, plan, chunk)))
      out.push_back(step.elements);
    return out;
  };
  CHECK(sizes(0) == std::vector{chunk_held(model, plan, 0).dense - table, table});
  CHECK(sizes(1) == std::vector{table, chunk_held(model, plan, 1).dense - table});
}

TEST_CASE("gradients: the tensors that they come in") {
  // A layer: four weights and biases, two scales and shifts of norms. The first chunk has token and position
  // embeddings, the last the final norm and its copy of the tied embedding.
  Plan plan = plan_of(0);
  CHECK(chunk_held(model, plan, 0).tensors == 2 * 12 + 2);
  CHECK(chunk_held(model, plan, 1).tensors == 2 * 12 + 2 + 1);
  Model llama = model;
  llama.bias = false, llama.norm = Norm::rms_norm, llama.positions = Positions::rotary, llama.tied_embeddings = false;
  CHECK(chunk_held(llama, plan, 0).tensors == 2 * 6 + 1);
  CHECK(chunk_held(llama, plan, 1).tensors == 2 * 6 + 1 + 1);
  plan.pipeline = 1;
  CHECK(chunk_held(model, plan, 0).tensors == 4 * 12 + 2 + 2);  // the tied embedding once
}

TEST_CASE("gradients: without data parallelism there is nothing to reduce") {
  Plan plan = plan_of(4'000);
  plan.data = 1;
  CHECK(gradient_reductions(model, plan, 0).empty());
  const Steps backward = backward_steps(model, plan, 0);
  CHECK(with_gradient_buckets(backward, model, plan, 0).size() == backward.size());
}

TEST_CASE("gradients: a bucket waits for the layers that fill it, and only for them") {
  const Plan plan = plan_of(4 * layer_held(model, plan_of(0), 0).dense);
  const Steps steps = with_gradient_buckets(backward_steps(model, plan, 0), model, plan, 0);
  // The first stage: layers 1 and 0, then the embedding.
  std::vector<std::size_t> reductions;
  std::size_t first_of_layer_0 = steps.size();
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const auto* kernel = std::get_if<KernelStep>(&steps[i]);
    if (kernel != nullptr && kernel->layer == 0) first_of_layer_0 = std::min(first_of_layer_0, i);
    const auto* call = std::get_if<CollectiveStep>(&steps[i]);
    if (call != nullptr && call->group == GroupKind::data) reductions.push_back(i);
  }
  REQUIRE(reductions.size() >= 3);
  CHECK(reductions[0] < first_of_layer_0);  // layer 1 is done
  CHECK(std::none_of(steps.begin() + static_cast<std::ptrdiff_t>(reductions[0]),
                     steps.begin() + static_cast<std::ptrdiff_t>(first_of_layer_0),
                     [](const Step& step) { return std::holds_alternative<KernelStep>(step); }));
  CHECK(reductions[1] > first_of_layer_0);
  CHECK(reductions.back() + 1 == steps.size());  // the embedding's rest
}

TEST_CASE("gradients: ZeRO-1 gathers what each rank has stepped, in the precision of the weights") {
  Plan plan = plan_of(0);
  CHECK(parameter_gathers(plan, {.dense = 1000}).empty());
  plan.zero = 1;
  const std::vector<CollectiveStep> gathers = collectives(parameter_gathers(plan, {.dense = 1000}));
  REQUIRE(gathers.size() == 1);
  CHECK(gathers[0].op == CollectiveOp::all_gather);
  CHECK(gathers[0].elements == 1000);
  CHECK(gathers[0].element_bytes == 2);
  CHECK(stepped_parameters(plan, {.dense = 1001}).elements == 251);
}

TEST_CASE("gradients: what tensor parallelism leaves on every rank is summed where each sees a share of the tokens") {
  Plan plan = plan_of(0);
  const auto calls = [&](GroupKind group) {
    std::int64_t elements = 0;
    for (const Step& step : other_reductions(model, plan, held_of_stage(model, plan, 0), 0))
      if (const auto& call = std::get<CollectiveStep>(step); call.group == group) elements += call.elements;
    return elements;
  };
  CHECK(calls(GroupKind::tensor) == 0);
  CHECK(calls(GroupKind::embedding) == padded_vocab(model, plan) / 2 * 64);
  plan.sequence_parallel = true;
  // Two layers of two norms (4 h) and two biases behind row-parallel products (2 h), and the positions (s h).
  CHECK(calls(GroupKind::tensor) == 2 * (4 + 2) * 64 + 32 * 64);
  CHECK(calls(GroupKind::mirror) == 0);
  plan.schedule = "chimera", plan.virtual_stages = 2;
  CHECK(calls(GroupKind::mirror) == held_of_stage(model, plan, 0).all());
  CHECK(calls(GroupKind::embedding) == 0);
}
