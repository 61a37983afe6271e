// What context-parallel ranks exchange: keys and values, gathered or passed round, and their gradients.
#include "workloads/proof/attention_core.hpp"
#include "workloads/proof/fault.hpp"
#include "workloads/proof/operands.hpp"

namespace rehearse {

namespace {

using Eigen::Index;

/// Rows rank by rank <-> sample by sample.
Matrix by_sample(const RankShape& s, const Matrix& by_rank, bool back) {
  Matrix out(by_rank.rows(), by_rank.cols());
  for (Index rank = 0; rank < s.context; ++rank)
    for (Index sample = 0; sample < s.samples; ++sample) {
      const Index of_rank = rank * s.tokens + sample * s.sample_tokens;
      const Index of_sample = (sample * s.context + rank) * s.sample_tokens;
      out.middleRows(back ? of_rank : of_sample, s.sample_tokens) =
          by_rank.middleRows(back ? of_sample : of_rank, s.sample_tokens);
    }
  return out;
}

Contribution gathered_keys(const KernelScope& k) {
  Contribution out{.given = numbers_of(own_keys(k)), .put = {}};
  out.elements = std::ssize(out.given) * k.shape().context;
  out.put = [k, columns = CoreColumns(k.shape().attention).keys_values()](const Numbers& got) {
    k.write("gathered keys, values", by_sample(k.shape(), matrix_of(got, columns), false));
  };
  return out;
}

Contribution key_gradients(const KernelScope& k) {
  Contribution out{.given = numbers_of(by_sample(k.shape(), k.read("gathered key, value gradients"), true)), .put = {}};
  out.elements = std::ssize(out.given);
  out.put = [k, columns = CoreColumns(k.shape().attention).keys_values()](const Numbers& got) {
    write_own_key_gradient(k, matrix_of(got, columns));
  };
  return out;
}

/// Forward a block. Backward a block, but for the last step, and the gradients of the one before, but for the first;
/// after the last step these alone come home.
Contribution passed_on(const KernelScope& k) {
  Ring& ring = k.frame().ring;
  if (ring.sends == 0) ring.block = own_keys(k);
  const std::int64_t columns = ring.block.cols(), last = k.shape().context - 1, send = ring.sends++;
  if (!ring.backward && ring.hops != send) throw ProofFault("hands on a block of keys that has not come");
  const bool block = send<last, gradient = send> 0 && ring.backward;
  Contribution out{.given = {}, .put = {}};
  expect_rows(ring.block, k.shape().tokens, "a block of keys and values");
  if (block) out.given = numbers_of(ring.block);
  if (gradient) {
    const Numbers more = numbers_of(ring.gradient);
    out.given.insert(out.given.end(), more.begin(), more.end());
  }
  out.elements = std::ssize(out.given);
  out.put = [k, columns, block, gradient, home = send > last](const Numbers& got) {
    const Matrix rows = matrix_of(got, columns);
    const std::int64_t tokens = k.shape().tokens;
    expect_rows(rows, tokens * ((block ? 1 : 0) + (gradient ? 1 : 0)), "what comes round a ring");
    Ring& at = k.frame().ring;
    if (block) at.block = rows.topRows(tokens), ++at.hops;
    if (gradient) at.came = rows.bottomRows(tokens);
    if (!home) return;
    write_own_key_gradient(k, rows);
    at = {};
  };
  return out;
}

}  // namespace

Contribution contribute_keys(RankState& state, const Instruction& i, const CollectiveStep& step) {
  const PassKey pass{i.tags.micro_batch, i.chunk, i.phase == Phase::forward};
  const KernelScope k(state, pass, step.layer, step.block, step.kind);
  if (step.op == CollectiveOp::all_gather) return gathered_keys(k);
  return step.op == CollectiveOp::reduce_scatter ? key_gradients(k) : passed_on(k);
}

}  // namespace rehearse
