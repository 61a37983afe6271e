// What ranks with different experts exchange: rows of tokens, as many as the router sends. The simulated collective has
// even shares; these are what they are, padded to the longest, by the same algorithm.
#include "workloads/proof/expert_rows.hpp"
#include "workloads/proof/operands.hpp"

namespace rehearse {

namespace {

using Eigen::Index;

Matrix joined(const std::vector<Numbers>& parts, Index columns, std::vector<std::int64_t>& rows) {
  Numbers all;
  rows.clear();
  for (const Numbers& part : parts) {
    rows.push_back(std::ssize(part) / columns);
    all.insert(all.end(), part.begin(), part.end());
  }
  return matrix_of(all, columns);
}

std::vector<Numbers> cut_rows(const Matrix& all, const std::vector<std::int64_t>& rows) {
  std::vector<Numbers> out;
  Index first = 0;
  for (const std::int64_t count : rows) {
    out.push_back(numbers_of(all.middleRows(first, count)));
    first += count;
  }
  expect_rows(all, first, "what goes back from experts");
  return out;
}

Contribution dispatched(const KernelScope& k) {
  ExpertRows& rows = k.frame().expert_rows;
  const Matrix& sent = k.read(rows.backward ? "permuted gradients" : "permuted tokens");
  const std::int64_t ranks = k.state().plan().expert, local = k.model().experts.count / ranks;
  std::vector<std::int64_t> to(static_cast<std::size_t>(ranks), 0);
  for (const double expert : sent.col(sent.cols() - 2))
    ++to[static_cast<std::size_t>(expert) / static_cast<std::size_t>(local)];
  Contribution out{.given = {}, .put = {}};
  out.slots = cut_rows(sent, to);
  out.put_slots = [k, columns = sent.cols()](const std::vector<Numbers>& got) {
    ExpertRows& at = k.frame().expert_rows;
    k.write(experts_input(at), joined(got, columns, at.came));
  };
  return out;
}

Contribution returned(const KernelScope& k) {
  const ExpertRows& rows = k.frame().expert_rows;
  const Matrix& results = k.read(experts_output(rows));
  Contribution out{.given = {}, .put = {}};
  out.slots = cut_rows(results, rows.came);
  out.put_slots = [k, columns = results.cols()](const std::vector<Numbers>& got) {
    std::vector<std::int64_t> counts;
    k.write("returned rows", joined(got, columns, counts));
  };
  return out;
}

/// Over the tensor ranks: each gathers the rows of all; results are summed, and each gets its own back.
Contribution region_rows(const KernelScope& k, CollectiveOp op) {
  ExpertRows& rows = k.frame().expert_rows;
  const Matrix& from = k.read(op == CollectiveOp::all_gather ? experts_input(rows) : experts_output(rows));
  Contribution out{.given = {}, .put = {}};
  if (op == CollectiveOp::all_reduce) {
    out.given = numbers_of(from);
    out.put = [k, columns = from.cols()](const Numbers& got) {
      k.write(experts_output(k.frame().expert_rows), matrix_of(got, columns));
    };
    return out;
  }
  const bool gathers = op == CollectiveOp::all_gather;
  out.slots = gathers ? std::vector<Numbers>{numbers_of(from)} : cut_rows(from, rows.gathered);
  out.put_slots = [k, gathers, columns = from.cols()](const std::vector<Numbers>& got) {
    ExpertRows& at = k.frame().expert_rows;
    std::vector<std::int64_t> counts;
    const Matrix all = joined(got, columns, counts);
    if (gathers) at.gathered = counts;
    k.write(gathers ? experts_input(at) : experts_output(at), all);
  };
  return out;
}

}  // namespace

Contribution contribute_expert_rows(RankState& state, const Instruction& i, const CollectiveStep& step) {
  const PassKey pass{i.tags.micro_batch, i.chunk, i.phase == Phase::forward};
  const KernelScope k(state, pass, step.layer, step.block, step.kind);
  const bool over_tensor = step.operand == Operand::expert_rows;
  Contribution out = over_tensor                         ? region_rows(k, step.op)
                     : step.operand == Operand::dispatch ? dispatched(k)
                                                         : returned(k);
  // If tokens were spread evenly.
  out.elements = k.shape().local_tokens * k.model().experts.per_token * k.shape().hidden *
                 (over_tensor && k.shape().split_tokens ? k.shape().tensor : 1);
  return out;
}

}  // namespace rehearse
