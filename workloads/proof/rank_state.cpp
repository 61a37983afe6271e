#include "workloads/proof/rank_state.hpp"

#include <limits>

#include <fmt/format.h>

#include "workloads/gradients.hpp"
#include "workloads/proof/fault.hpp"

namespace rehearse {

void Region::set(Matrix whole) {
  whole_ = std::move(whole);
  parts_.clear();
  calls_ = 0;
  ++generation_;
}

void Region::set_part(std::int64_t i, std::int64_t parts, Matrix value) {
  if (i == 0) {
    set({});
    parts_.resize(static_cast<std::size_t>(parts));
  }
  parts_.at(static_cast<std::size_t>(i)) = std::move(value);
}

const Matrix& Region::part(std::int64_t i) const {
  const auto at = static_cast<std::size_t>(i);
  if (at >= parts_.size() || parts_[at].size() == 0) throw ProofFault(fmt::format("piece {} has not come", i + 1));
  return parts_[at];
}

Matrix Region::reduced() const {
  if (parts_.empty()) return whole_;
  Eigen::Index rows = 0;
  for (const Matrix& part : parts_) rows += part.rows();
  Matrix out(rows, parts_.front().cols());
  rows = 0;
  for (const Matrix& part : parts_) {
    out.middleRows(rows, part.rows()) = part;
    rows += part.rows();
  }
  return out;
}

std::int64_t Region::columns() const {
  for (const Matrix& part : parts_)
    if (part.size() > 0) return part.cols();
  return whole_.cols();
}

std::int64_t Region::next_call(std::int64_t parts, bool gathers) {
  if (parts == 1) return 0;
  if (calls_ >= parts) throw ProofFault(fmt::format("a collective for more than {} pieces", parts));
  if (gathers && calls_ == 0) parts_.assign(static_cast<std::size_t>(parts), Matrix());
  return calls_++;
}

void Region::replace(std::int64_t generation, std::int64_t i, std::int64_t parts, Matrix value) {
  if (generation != generation_) throw ProofFault("gets what a collective brings when it is too late");
  (parts == 1 ? whole_ : parts_.at(static_cast<std::size_t>(i))) = std::move(value);
}

bool is_of_unit(const Model& model, const UnitKey& unit, const HeldTensor& tensor) {
  if (tensor.key.layer != unit.layer) return false;
  if (unit.layer >= 0) return true;
  const bool of_embedding = tensor.key.name == "word embedding" || tensor.key.name == "position embedding";
  const bool tied = model.tied_embeddings && tensor.key.name == "word embedding";
  return unit.head ? !of_embedding || tied : of_embedding && !tensor.tied_copy;
}

namespace {

Sharding sharding_of(const Plan& plan, const ParameterFamily& family, std::int64_t replica) {
  const bool of_experts = family.shard == GroupKind::expert_data;
  return {.shards = family.shards,
          .part = of_experts ? replica / plan.expert : replica % family.shards,
          .replicated = family.shards < family.ranks,
          .by_tensor = plan.zero >= 3};
}

void add_parameters(const GradientBuffer& buffer, std::uint64_t seed, std::map<TensorKey, Matrix>& parameters) {
  const bool sharded = buffer.sharding().by_tensor;
  for (const HeldTensor& tensor : buffer.tensors()) {
    Matrix values = initial_values(tensor, seed);
    const Slice at = buffer.slice(tensor.key);
    for (std::int64_t i = 0; sharded && i < at.count; ++i)
      if (!buffer.is_own(at.first + i)) values.data()[i] = std::numeric_limits<double>::quiet_NaN();
    parameters[tensor.key] = std::move(values);
  }
}

}  // namespace

RankState::RankState(const ProofScene& of, std::uint32_t number)
    : scene(of),
      worker(number),
      at(of.communication.layout().ranks(0).coordinates(number)),
      stage(of.communication.layout().stage_of(number)),
      replica(of.communication.layout().ranks(0).replica(number)),
      shape(of.job.model, of.job.plan, at) {
  const PipelineShape pipeline = plan().shape();
  for (std::int32_t c = 0; c < pipeline.chunks; ++c) {
    const std::int32_t chunk =
        model_chunk_of(plan().pipeline_row().layout, pipeline, {static_cast<std::int32_t>(stage), c});
    const std::int64_t rank = shape.tensor_rank;
    ChunkState state{{held_tensors(model(), plan(), chunk, rank), sharding_of(plan(), dense_family(plan()), replica)},
                     {held_experts(model(), plan(), chunk, rank, replica % plan().expert),
                      sharding_of(plan(), expert_family(plan()), replica)},
                     {}};
    add_parameters(state.gradients, scene.seed, state.parameters);
    add_parameters(state.expert_gradients, scene.seed, state.parameters);
    chunks.emplace(chunk, std::move(state));
  }
}

RankState::Gathered RankState::of_pass(const PassKey& pass, const UnitKey& unit) const {
  return {plan().reshard_after_forward ? pass : PassKey{.chunk = pass.chunk}, unit};
}

namespace {

/// Of the samples of a micro batch, what `member` has at the rank's positions.
std::vector<std::int64_t> words_of(const RankState& state, std::int32_t micro_batch,
                                   std::vector<std::int64_t> Sample::*member) {
  const auto data = static_cast<std::int64_t>(state.at[static_cast<std::size_t>(Degree::data)]);
  const std::int64_t first = (data * state.plan().micro_batches() + micro_batch) * state.shape.samples;
  std::vector<std::int64_t> out;
  for (std::int64_t row = 0; row < state.shape.tokens; ++row) {
    const Sample& sample = state.scene.batch.at(static_cast<std::size_t>(first + row / state.shape.sample_tokens));
    out.push_back((sample.*member)[static_cast<std::size_t>(state.shape.positions[static_cast<std::size_t>(row)])]);
  }
  return out;
}

}  // namespace

std::vector<std::int64_t> RankState::tokens(std::int32_t micro_batch) const {
  return words_of(*this, micro_batch, &Sample::tokens);
}

LossRows& RankState::loss_of(std::int32_t micro_batch) {
  const auto found = loss.find(micro_batch);
  if (found == loss.end()) throw ProofFault(fmt::format("has no logits of micro batch {}", micro_batch));
  return found->second;
}

std::vector<std::int64_t> RankState::targets(std::int32_t micro_batch) const {
  return words_of(*this, micro_batch, &Sample::targets);
}

Frame& RankState::frame(const PassKey& pass) {
  const auto [found, fresh] = frames.try_emplace(pass);
  if (fresh) begin(pass, found->second);
  return found->second;
}

void RankState::begin(const PassKey& pass, Frame& frame) {
  if (pass.micro_batch < 0) return;
  if (pass.forward) {
    if (pass.chunk > 0) frame.stream = take_boundary({Phase::forward, pass.micro_batch, pass.chunk - 1});
    return;
  }
  if (pass.chunk + 1 == plan().chunks()) return;
  frame.gradient = take_boundary({Phase::backward, pass.micro_batch, pass.chunk});
  frame.region.set(frame.gradient);
  frame.loose[{-1, "residual gradient"}] = frame.gradient;
}

void RankState::keep_on_host(const PassKey& pass, std::int16_t layer) {
  for (const auto& [key, value] : store.blocks())
    if (key.micro_batch == pass.micro_batch && key.chunk == pass.chunk && key.layer == layer && value)
      on_host[key] = *value;
}

void RankState::fetch(const PassKey& pass, std::int16_t layer) {
  std::erase_if(on_host, [&](const auto& kept) {
    const auto& [key, value] = kept;
    if (key.micro_batch != pass.micro_batch || key.chunk != pass.chunk || key.layer != layer) return false;
    if (store.is_alive(key)) store.write(key, value);
    return true;
  });
}

Matrix RankState::take_boundary(const BoundaryKey& key) {
  if (const auto came = boundaries.find(key); came != boundaries.end()) {
    Matrix value = std::move(came->second);
    boundaries.erase(came);
    return value;
  }
  const bool forward = key.phase == Phase::forward;
  const std::int32_t maker = forward ? key.behind : key.behind + 1;
  const auto made = frames.find({key.micro_batch, maker, forward});
  if (made == frames.end() || made->second.given)
    throw ProofFault(fmt::format("has no {} of micro batch {} between chunks {} and {}",
                                 forward ? "activations" : "gradients", key.micro_batch, key.behind, key.behind + 1));
  made->second.given = true;
  if (!forward) return made->second.gradient;
  return made->second.stream_in_region ? made->second.region.reduced() : made->second.stream;
}

}  // namespace rehearse
