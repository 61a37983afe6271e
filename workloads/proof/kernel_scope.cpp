#include "workloads/proof/kernel_scope.hpp"

#include <utility>

#include <fmt/format.h>

#include "workloads/proof/fault.hpp"

namespace rehearse {

BlockKey KernelScope::key(std::string_view name) const {
  // Parameters that stay gathered come with one micro batch and go with another.
  const bool stays = !state_.plan().reshard_after_forward && name.starts_with("gathered parameters");
  return {stays ? -1 : pass_.micro_batch, pass_.chunk, layer_, std::string(name)};
}

const Matrix* KernelScope::find(std::string_view name) const {
  const BlockKey block = key(name);
  if (state_.store.is_alive(block)) return state_.store.find(block);
  const auto loose = frame_.loose.find({layer_, std::string(name)});
  return loose == frame_.loose.end() ? nullptr : &loose->second;
}

const Matrix& KernelScope::read(std::string_view name) const {
  if (const Matrix* value = find(name)) return *value;
  throw ProofFault(fmt::format("reads {}, which is not there", to_string(key(name))));
}

void KernelScope::write(std::string_view name, Matrix value) const {
  const BlockKey block = key(name);
  if (state_.store.is_alive(block)) return state_.store.write(block, std::move(value));
  frame_.loose[{layer_, std::string(name)}] = std::move(value);
}

void KernelScope::make(std::string_view name) const {
  const BlockKey block = key(name);
  state_.store.make(block);
  const auto loose = frame_.loose.find({layer_, block.name});
  if (loose == frame_.loose.end()) return;
  state_.store.write(block, std::move(loose->second));
  frame_.loose.erase(loose);
}

void KernelScope::unmake(std::string_view name) const { state_.store.unmake(key(name)); }

GradientBuffer& KernelScope::buffer(std::int64_t expert) const {
  ChunkState& chunk = state_.chunks.at(pass_.chunk);
  return expert == no_expert ? chunk.gradients : chunk.expert_gradients;
}

bool KernelScope::has_parameter(std::string_view name, std::int64_t expert) const {
  return buffer(expert).holds({layer_, std::string(name), expert});
}

const Matrix* KernelScope::find_parameter(std::string_view name, std::int64_t expert) const {
  if (!has_parameter(name, expert)) return nullptr;
  const Sharding& sharding = buffer(expert).sharding();
  if (sharding.by_tensor && sharding.shards > 1 && !state_.has(pass_, {layer_, block_ == "head", expert != no_expert}))
    throw ProofFault(fmt::format("reads '{}' of layer {}, which is not gathered", name, layer_));
  return &state_.chunks.at(pass_.chunk).parameters.at({layer_, std::string(name), expert});
}

const Matrix& KernelScope::parameter(std::string_view name, std::int64_t expert) const {
  if (const Matrix* value = find_parameter(name, expert)) return *value;
  throw ProofFault(fmt::format("has no '{}' of layer {}", name, layer_));
}

void KernelScope::add_gradient(std::string_view name, const Matrix& gradient, std::int64_t expert) const {
  buffer(expert).add({layer_, std::string(name), expert}, gradient);
}

const Matrix& KernelScope::stream() const {
  if (std::exchange(frame_.stream_in_region, false)) frame_.stream = from_region();
  expect_rows(frame_.stream, shape().local_tokens, "the residual stream");
  return frame_.stream;
}

void KernelScope::set_stream(Matrix value) const { frame_.stream = std::move(value); }

const Matrix& KernelScope::gradient() const {
  expect_rows(frame_.gradient, shape().local_tokens, "the gradient of the residual stream");
  return frame_.gradient;
}

void KernelScope::set_gradient(Matrix value) const {
  frame_.gradient = std::move(value);
  frame_.region.set(frame_.gradient);
  const KernelScope around(state_, pass_, outside_layers, block_, kind_);
  around.write("residual gradient", frame_.gradient);
}

Matrix KernelScope::from_region() const {
  Matrix value = frame_.region.reduced();
  expect_rows(value, shape().local_tokens, "what left a tensor-parallel region");
  return value;
}

void expect_rows(const Matrix& value, std::int64_t rows, std::string_view what) {
  if (value.rows() != rows) throw ProofFault(fmt::format("{} has {} rows where {} are due", what, value.rows(), rows));
}

void unknown_kernel(std::string_view block, std::string_view name) {
  throw ProofFault(fmt::format("runs '{}' of {}, of which the proof knows nothing", name, block));
}

}  // namespace rehearse
