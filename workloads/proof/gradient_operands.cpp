// What the end of an iteration exchanges: gradients, stepped parameters, the norm.
#include <algorithm>

#include <fmt/format.h>

#include "workloads/proof/fault.hpp"
#include "workloads/proof/operands.hpp"

namespace rehearse {

namespace {

/// An element of one chunk's gradients.
struct Place {
  GradientBuffer* buffer;
  std::int64_t element;
};

/// Of all chunks of the rank, in the order of the model; `part(tensor, all)` says which part of a tensor. Of gradients
/// that stay sharded, this rank's own.
template <class Part>
std::vector<Place> places(RankState& state, bool experts, Part part) {
  std::vector<Place> out;
  for (auto& [number, chunk] : state.chunks)
    for (GradientBuffer* buffer : {&chunk.gradients, &chunk.expert_gradients}) {
      if (buffer == &chunk.expert_gradients && !experts) continue;
      for (const HeldTensor& tensor : buffer->tensors()) {
        const Slice at = part(tensor, buffer->slice(tensor.key));
        for (std::int64_t i = at.first; i < at.first + at.count; ++i)
          if (state.plan().zero < 2 || buffer->is_own(i)) out.push_back({buffer, i});
      }
    }
  return out;
}

Slice all_of(const HeldTensor& /*tensor*/, const Slice& whole) { return whole; }
Slice replicated_of(const HeldTensor& tensor, const Slice& whole) { return tensor.replicated ? whole : Slice{}; }
Slice table_of(const HeldTensor& tensor, const Slice& whole) {
  return tensor.key.name == "word embedding" ? whole : Slice{};
}
Slice shared_heads_of(const HeldTensor& tensor, const Slice& whole) {
  if (tensor.shared_row < 0) return {};
  const std::int64_t before = tensor.shared_row * tensor.windows.front().columns;
  return {whole.first + before, whole.count - before};
}

/// A sum in place. Of sharded gradients ranks have more or fewer than an even share, which the call is of.
Contribution sum_of(const RankState& state, const CollectiveStep& step, std::vector<Place> at) {
  Contribution out{.given = {}, .put = {}};
  for (const Place& place : at) out.given.push_back(place.buffer->value(place.element));
  out.elements = state.plan().zero < 2 ? std::ssize(out.given) : step.elements;
  out.put = [at = std::move(at)](const Numbers& got) {
    for (std::size_t i = 0; i < at.size(); ++i) at[i].buffer->replace(at[i].element, got[i]);
  };
  return out;
}

/// A bucket of a chunk's gradients.
Contribution bucket(RankState& state, const Instruction& i, const CollectiveStep& step, const Membership& membership) {
  const auto chunk = state.chunks.find(i.chunk);
  if (chunk == state.chunks.end()) throw ProofFault("reduces gradients of a chunk that it does not hold");
  GradientBuffer* const buffer =
      step.operand == Operand::gradients ? &chunk->second.gradients : &chunk->second.expert_gradients;
  if (step.group == GroupKind::replicate) {
    GradientBuffer::Share share = buffer->take_share();
    Contribution out{.given = share.values, .put = {}};
    out.elements = buffer->share_size(share.bucket);
    out.put = [=, before = std::move(share)](const Numbers& got) { buffer->replace_share(before, got); };
    return out;
  }
  Contribution out{.given = {}, .elements = step.elements, .put = {}};
  const Slice at =
      buffer->take_bucket(state.plan().reduce_every_micro_batch ? i.tags.micro_batch : 0, step.elements, out.given);
  out.put = [=](const Numbers& got) { buffer->put_sum(at, got); };
  if (step.op == CollectiveOp::all_reduce) return out;
  if (membership.members != buffer->sharding().shards || membership.position != buffer->sharding().part)
    throw ProofFault("scatters gradients over others than share them");
  out.given = buffer->in_shares(at, out.given);
  out.put = [=](const Numbers& got) { buffer->put_share(at, got); };
  return out;
}

/// A piece of gradients whose parameters are gathered.
struct GatheredPiece {
  ChunkState* chunk;
  GradientBuffer* buffer;
  Slice piece;
};

/// Calls `each(parameter)` for the elements of a share.
template <class Each>
void for_parameters(const GatheredPiece& at, const Slice& share, Each each) {
  for (const HeldTensor& tensor : at.buffer->tensors()) {
    const Slice whole = at.buffer->slice(tensor.key);
    const std::int64_t begin = std::max(share.first, whole.first);
    const std::int64_t end = std::min(share.first + share.count, whole.first + whole.count);
    for (std::int64_t i = begin; i < end; ++i) each(at.chunk->parameters.at(tensor.key).data()[i - whole.first]);
  }
}

/// All-gathers the shares of pieces, padded; `done`: what happens then.
Contribution gathered(const std::vector<GatheredPiece>& pieces, const CollectiveStep& step,
                      const Membership& membership, std::function<void()> done) {
  Contribution out{.given = {}, .elements = 0, .put = {}};
  for (const GatheredPiece& at : pieces) {
    out.elements += at.piece.count;
    const std::size_t padded = out.given.size() + static_cast<std::size_t>(at.buffer->share_size(at.piece));
    for_parameters(at, at.buffer->share(at.piece, membership.position),
                   [&](double value) { out.given.push_back(value); });
    out.given.resize(padded, 0.0);
  }
  out.put = [pieces, members = membership.members, done = std::move(done)](const Numbers& got) {
    auto from = got.begin();
    for (std::int64_t m = 0; m < members; ++m)
      for (const GatheredPiece& at : pieces) {
        auto next = from;
        for_parameters(at, at.buffer->share(at.piece, m), [&](double& value) { value = *next++; });
        from += at.buffer->share_size(at.piece);
      }
    done();
  };
  if (step.op != CollectiveOp::all_gather) throw ProofFault("parameters are gathered, not reduced");
  return out;
}

/// Stepped shares of all buckets.
Contribution stepped(RankState& state, const CollectiveStep& step, const Membership& membership) {
  if (!state.stepped) throw ProofFault("gathers parameters before they are stepped");
  std::vector<GatheredPiece> pieces;
  for (auto& [number, chunk] : state.chunks) {
    GradientBuffer& buffer = step.operand == Operand::parameters ? chunk.gradients : chunk.expert_gradients;
    for (const Slice& piece : buffer.scattered()) pieces.push_back({&chunk, &buffer, piece});
  }
  return gathered(pieces, step, membership, [] {});
}

/// What a unit needs for a pass (zero 3).
Contribution of_unit(RankState& state, const Instruction& i, const CollectiveStep& step, const Membership& membership) {
  ChunkState& chunk = state.chunks.at(i.chunk);
  const bool experts = step.operand == Operand::expert_parameters;
  const UnitKey unit{step.layer, step.block == "head", experts};
  GradientBuffer& buffer = experts ? chunk.expert_gradients : chunk.gradients;
  std::vector<GatheredPiece> pieces;
  for (const HeldTensor& tensor : buffer.tensors())
    if (is_of_unit(state.model(), unit, tensor)) pieces.push_back({&chunk, &buffer, buffer.slice(tensor.key)});
  const PassKey pass{i.tags.micro_batch, i.chunk, i.phase == Phase::forward};
  return gathered(pieces, step, membership, [&state, pass, unit] { state.gather(pass, unit); });
}

Contribution parameters(RankState& state, const Instruction& i, const CollectiveStep& step,
                        const Membership& membership) {
  return state.plan().zero < 3 ? stepped(state, step, membership) : of_unit(state, i, step, membership);
}

Contribution norm(RankState& state) {
  return {.given = {state.norm}, .elements = 1, .put = [&state](const Numbers& got) { state.norm = got.front(); }};
}

}  // namespace

Contribution contribute_gradients(RankState& state, const Instruction& instruction, const CollectiveStep& step,
                                  const Membership& membership) {
  switch (step.operand) {
    case Operand::gradients:
      if (step.group == GroupKind::mirror) return sum_of(state, step, places(state, true, all_of));
      return bucket(state, instruction, step, membership);
    case Operand::expert_gradients: return bucket(state, instruction, step, membership);
    case Operand::replicated_gradients: return sum_of(state, step, places(state, false, replicated_of));
    case Operand::shared_head_gradients: return sum_of(state, step, places(state, false, shared_heads_of));
    case Operand::embedding_gradients: return sum_of(state, step, places(state, false, table_of));
    case Operand::parameters:
    case Operand::expert_parameters: return parameters(state, instruction, step, membership);
    default: return norm(state);
  }
}

Contribution contribute(RankState& state, const Instruction& instruction, const CollectiveStep& step,
                        const Membership& membership) {
  switch (step.operand) {
    case Operand::activations:
    case Operand::region:
    case Operand::region_input:
    case Operand::rotary_key:
    case Operand::loss_maximum:
    case Operand::loss_sum:
    case Operand::loss_target: return contribute_activations(state, instruction, step, membership);
    case Operand::gradients:
    case Operand::expert_gradients:
    case Operand::replicated_gradients:
    case Operand::shared_head_gradients:
    case Operand::embedding_gradients:
    case Operand::parameters:
    case Operand::expert_parameters:
    case Operand::gradient_norm: return contribute_gradients(state, instruction, step, membership);
    case Operand::dispatch:
    case Operand::combine:
    case Operand::expert_rows: return contribute_expert_rows(state, instruction, step);
    case Operand::keys_values: return contribute_keys(state, instruction, step);
    default: throw ProofFault("calls a collective of which the proof knows nothing");
  }
}

}  // namespace rehearse
