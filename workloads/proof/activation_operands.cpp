// What passes exchange: regions of tensor parallelism, the loss, boundaries of pipeline stages.
#include <algorithm>

#include <fmt/format.h>

#include "workloads/proof/fault.hpp"
#include "workloads/proof/operands.hpp"

namespace rehearse {

namespace {

PassKey pass_of(const Instruction& i) { return {i.tags.micro_batch, i.chunk, i.phase == Phase::forward}; }

Contribution region(RankState& state, Frame& frame, const CollectiveStep& step) {
  const RankShape& shape = state.shape;
  const bool gathers = step.op == CollectiveOp::all_gather;
  if (gathers && step.block == "embedding") frame.region.set(frame.gradient);
  const std::int64_t columns = frame.region.columns();
  const std::int64_t parts = shape.tokens * columns / std::max<std::int64_t>(1, step.elements);
  Region* const region = &frame.region;
  const std::int64_t i = region->next_call(parts, gathers);
  const std::int64_t generation = region->generation();
  Contribution out{.given = {},
                   .put = [=](const Numbers& got) { region->replace(generation, i, parts, matrix_of(got, columns)); }};
  if (gathers) {
    expect_rows(region->whole(), shape.local_tokens, "what is gathered");
    const std::int64_t rows = shape.local_tokens / parts;
    out.given = numbers_of(region->whole().middleRows(i * rows, rows));
    out.elements = std::ssize(out.given) * shape.tensor;
  } else {
    out.given = numbers_of(parts == 1 ? region->whole() : region->part(i));
    out.elements = std::ssize(out.given);
  }
  return out;
}

/// What the columns of a key that all heads share are gathered from, or their gradient summed.
Contribution rotary_key(RankState& state, const Instruction& i, const CollectiveStep& step) {
  const KernelScope k(state, pass_of(i), step.layer, step.block, step.kind);
  const std::int64_t columns = k.model().latent.rotary;
  const bool gathers = step.op == CollectiveOp::all_gather;
  Contribution out{
      .given = numbers_of(gathers ? Matrix(k.read("kv latent").rightCols(columns)) : k.read("rotary key gradient")),
      .put = {}};
  out.elements = std::ssize(out.given) * (gathers ? state.shape.tensor : 1);
  out.put = [k, gathers, columns](const Numbers& got) {
    k.write(gathers ? "rotary key" : "rotary key gradient", matrix_of(got, columns));
  };
  return out;
}

/// The input of the column-parallel layer whose turn it is: of latent attention the one whose output's gradient is
/// there, the last first.
std::string input_of_region(const KernelScope& k) {
  if (k.block() == "experts") return "mlp norm";
  if (k.block() != "attention" || !k.model().is_latent()) return fmt::format("{} norm", k.block());
  if (k.find("kv up output gradient") != nullptr) return "kv latent norm";
  return k.model().latent.query_rank > 0 ? "query latent norm" : "attention norm";
}

/// The input of a column-parallel layer, of which only a share was kept.
Contribution region_input(RankState& state, const Instruction& i, const CollectiveStep& step) {
  const KernelScope k(state, pass_of(i), step.layer, step.block, Kind::backward);
  Contribution out{.given = {}, .put = {}};
  const Matrix& kept = k.read(input_of_region(k));
  out.given = numbers_of(kept);
  out.elements = std::ssize(out.given) * state.shape.tensor;
  out.put = [k, columns = kept.cols()](const Numbers& got) { k.write("gathered input", matrix_of(got, columns)); };
  return out;
}

Contribution loss(RankState& state, const Instruction& i, const CollectiveStep& step) {
  const KernelScope k(state, pass_of(i), step.layer, step.block, Kind::forward);
  LossRows& rows = state.loss_of(i.tags.micro_batch);
  if (step.operand == Operand::loss_sum && rows.sum.size() == 0)
    rows.sum = exponential_sum(k.read("logits"), rows.maximum);
  Matrix* const at = step.operand == Operand::loss_maximum  ? &rows.maximum
                     : step.operand == Operand::loss_target ? &rows.target
                                                            : &rows.sum;
  Contribution out{.given = numbers_of(*at), .put = [at](const Numbers& got) { *at = matrix_of(got, 1); }};
  out.elements = std::ssize(out.given);
  out.fold = step.operand == Operand::loss_maximum ? Fold::maximum : Fold::sum;
  return out;
}

/// The shares in which a boundary was sent (Narayanan et al. 2021, Section 4.1).
Contribution boundary(RankState& state, const Instruction& i) {
  const bool forward = i.phase == Phase::forward;
  const BoundaryKey key{forward ? Phase::forward : Phase::backward, i.tags.micro_batch,
                        forward ? i.chunk - 1 : i.chunk};
  const auto came = state.boundaries.find(key);
  if (came == state.boundaries.end()) throw ProofFault("gathers activations that have not come");
  Contribution out{.given = numbers_of(came->second), .put = {}};
  out.elements = std::ssize(out.given) * state.shape.tensor;
  out.put = [&state, key](const Numbers& got) { state.boundaries[key] = matrix_of(got, state.shape.hidden); };
  return out;
}

BoundaryKey boundary_of(const Message& message) {
  const bool forward = message.phase == Phase::forward;
  return {message.phase, message.micro_batch, forward ? message.chunk : message.chunk - 1};
}

/// Whether stages hand on shares that the receiver's tensor ranks gather.
bool is_scattered(const Plan& plan) { return plan.tensor > 1 && plan.scatter_gather && !plan.sequence_parallel; }

}  // namespace

Numbers numbers_of(const Matrix& matrix) { return {matrix.data(), matrix.data() + matrix.size()}; }

Matrix matrix_of(const Numbers& numbers, std::int64_t columns) {
  if (std::ssize(numbers) % columns != 0)
    throw ProofFault(fmt::format("{} numbers are no rows of {}", numbers.size(), columns));
  return Eigen::Map<const Matrix>(numbers.data(), std::ssize(numbers) / columns, columns);
}

Numbers share_of(const Numbers& all, const Membership& membership) {
  const auto size = std::ssize(all) / membership.members;
  const auto first = all.begin() + membership.position * size;
  return {first, first + size};
}

Contribution contribute_activations(RankState& state, const Instruction& instruction, const CollectiveStep& step,
                                    const Membership& /*membership*/) {
  switch (step.operand) {
    case Operand::activations: return boundary(state, instruction);
    case Operand::region: return region(state, state.frame(pass_of(instruction)), step);
    case Operand::region_input: return region_input(state, instruction, step);
    case Operand::rotary_key: return rotary_key(state, instruction, step);
    default: return loss(state, instruction, step);
  }
}

Numbers take_message(RankState& state, const Message& message) {
  const Matrix value = state.take_boundary(boundary_of(message));
  Numbers out = numbers_of(value);
  if (is_scattered(state.plan())) out = share_of(out, {state.shape.tensor_rank, state.shape.tensor});
  const Bytes bytes(std::ssize(out) * element_bytes(state.plan().precision));
  if (bytes != message.bytes)
    throw ProofFault(fmt::format("sends {} bytes where the message has {}", bytes.value(), message.bytes.value()));
  return out;
}

void put_message(RankState& state, const Message& message, const Numbers& numbers) {
  const std::int64_t columns = is_scattered(state.plan()) ? 1 : state.shape.hidden;
  if (!state.boundaries.try_emplace(boundary_of(message), matrix_of(numbers, columns)).second)
    throw ProofFault("receives a message that it has already");
}

}  // namespace rehearse
