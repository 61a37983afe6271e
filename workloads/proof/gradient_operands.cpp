// What the end of an iteration exchanges: gradients, stepped parameters, the norm.
#include <algorithm>

#include <fmt/format.h>

#include "workloads/proof/fault.hpp"
#include "workloads/proof/operands.hpp"

namespace rehearse {

namespace {

/// Part of one chunk's gradients.
struct Place {
  GradientBuffer* buffer;
  Slice at;
};

/// Of all chunks of the rank, in the order of the model; `slices(buffer, tensor, add)` says which parts of a tensor.
template <class Slices>
std::vector<Place> places(RankState& state, Slices slices) {
  std::vector<Place> out;
  for (auto& [chunk, of_chunk] : state.chunks)
    for (const HeldTensor& tensor : of_chunk.gradients.tensors()) {
      const Slice whole = of_chunk.gradients.slice(tensor.key);
      const Slice part = slices(tensor, whole);
      if (part.count > 0) out.push_back({&of_chunk.gradients, part});
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

/// A sum in place.
Contribution sum_of(std::vector<Place> at) {
  Contribution out{.given = {}, .put = {}};
  for (const Place& place : at) {
    const Numbers values = place.buffer->values(place.at);
    out.given.insert(out.given.end(), values.begin(), values.end());
  }
  out.elements = std::ssize(out.given);
  out.put = [at = std::move(at)](const Numbers& got) {
    auto from = got.begin();
    for (const Place& place : at) {
      place.buffer->replace(place.at, {from, from + place.at.count});
      from += place.at.count;
    }
  };
  return out;
}

/// A bucket of a chunk's gradients.
Contribution bucket(RankState& state, const Instruction& i, const CollectiveStep& step, const Membership& membership) {
  const auto chunk = state.chunks.find(i.chunk);
  if (chunk == state.chunks.end()) throw ProofFault("reduces gradients of a chunk that it does not hold");
  GradientBuffer* const buffer = &chunk->second.gradients;
  if (step.group == GroupKind::replicate) {
    Contribution out{.given = buffer->last_share(),
                     .put = [=](const Numbers& got) { buffer->replace_last_share(got); }};
    out.elements = std::ssize(out.given);
    return out;
  }
  Contribution out{.given = {}, .elements = step.elements, .put = {}};
  const Slice at =
      buffer->take_bucket(state.plan().reduce_every_micro_batch ? i.tags.micro_batch : 0, step.elements, out.given);
  out.put = [=](const Numbers& got) { buffer->put_sum(at, got); };
  if (step.op == CollectiveOp::all_reduce) return out;
  const std::int64_t share = (step.elements + membership.members - 1) / membership.members;
  out.given.resize(static_cast<std::size_t>(share * membership.members), 0.0);
  out.put = [=, part = membership.position](const Numbers& got) { buffer->put_share(at, part, got); };
  return out;
}

/// The elements of a rank's tensors that it has stepped, one after the other.
template <class Each>
void for_stepped(RankState& state, std::int64_t chunk_number, const Slice& share, Each each) {
  ChunkState& chunk = state.chunks.at(chunk_number);
  for (const HeldTensor& tensor : chunk.gradients.tensors()) {
    const Slice whole = chunk.gradients.slice(tensor.key);
    const std::int64_t begin = std::max(share.first, whole.first);
    const std::int64_t end = std::min(share.first + share.count, whole.first + whole.count);
    for (std::int64_t i = begin; i < end; ++i) each(chunk.parameters.at(tensor.key).data()[i - whole.first]);
  }
}

/// Stepped shares of all buckets, each as long as the first member's, which is never shorter than another's.
Contribution stepped(RankState& state, const CollectiveStep& step, const Membership& membership) {
  if (!state.stepped) throw ProofFault("gathers parameters before they are stepped");
  struct Bucket {
    std::int64_t chunk;
    Slice all;
    std::int64_t share;
  };
  std::vector<Bucket> buckets;
  Contribution out{.given = {}, .elements = 0, .put = {}};
  for (auto& [number, chunk] : state.chunks)
    for (const GradientBuffer::Scattered& s : chunk.gradients.scattered()) {
      buckets.push_back({number, s.bucket, s.share});
      out.elements += s.bucket.count;
      const std::size_t before = out.given.size();
      for_stepped(state, number, s.part(membership.position), [&](double value) { out.given.push_back(value); });
      out.given.resize(before + static_cast<std::size_t>(s.share), 0.0);
    }
  out.put = [&state, buckets, members = membership.members](const Numbers& got) {
    auto from = got.begin();
    for (std::int64_t m = 0; m < members; ++m)
      for (const Bucket& b : buckets) {
        const Slice part = GradientBuffer::Scattered{b.all, b.share}.part(m);
        auto at = from;
        for_stepped(state, b.chunk, part, [&](double& value) { value = *at++; });
        from += b.share;
      }
  };
  if (step.op != CollectiveOp::all_gather) throw ProofFault("parameters are gathered, not reduced");
  return out;
}

Contribution norm(RankState& state) {
  return {.given = {state.norm}, .elements = 1, .put = [&state](const Numbers& got) { state.norm = got.front(); }};
}

}  // namespace

Contribution contribute_gradients(RankState& state, const Instruction& instruction, const CollectiveStep& step,
                                  const Membership& membership) {
  switch (step.operand) {
    case Operand::gradients:
      if (step.group == GroupKind::mirror) return sum_of(places(state, all_of));
      return bucket(state, instruction, step, membership);
    case Operand::replicated_gradients: return sum_of(places(state, replicated_of));
    case Operand::shared_head_gradients: return sum_of(places(state, shared_heads_of));
    case Operand::embedding_gradients: return sum_of(places(state, table_of));
    case Operand::parameters: return stepped(state, step, membership);
    default: return norm(state);
  }
}

Contribution contribute(RankState& state, const Instruction& instruction, const CollectiveStep& step,
                        const Membership& membership) {
  switch (step.operand) {
    case Operand::activations:
    case Operand::region:
    case Operand::region_input:
    case Operand::loss_maximum:
    case Operand::loss_sum:
    case Operand::loss_target: return contribute_activations(state, instruction, step, membership);
    case Operand::gradients:
    case Operand::replicated_gradients:
    case Operand::shared_head_gradients:
    case Operand::embedding_gradients:
    case Operand::parameters:
    case Operand::gradient_norm: return contribute_gradients(state, instruction, step, membership);
    default: throw ProofFault("calls a collective of which the proof knows nothing");
  }
}

}  // namespace rehearse
