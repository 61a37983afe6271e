#include "workloads/proof/rank_shape.hpp"

#include <algorithm>

#include "workloads/parameters.hpp"

namespace rehearse {

RankShape::RankShape(const Model& model, const Plan& plan, const Coordinates& at)
    : tensor(plan.tensor),
      tensor_rank(at[static_cast<std::size_t>(Degree::tensor)]),
      samples(plan.micro_batch),
      sample_tokens(model.seq_len / plan.context),
      tokens(samples * sample_tokens),
      local_tokens(plan.sequence_parallel ? tokens / plan.tensor : tokens),
      hidden(model.hidden),
      attention{.heads = model.heads / plan.tensor,
                .kv_heads = std::max<std::int64_t>(1, (model.is_latent() ? model.heads : model.kv_heads) / plan.tensor),
                .head_dim = model.head_dim,
                .value_dim = model.value_dim()},
      words(padded_vocab(model, plan) / plan.tensor),
      first_word(tensor_rank * words),
      split_tokens(plan.sequence_parallel && plan.tensor > 1),
      context(plan.context),
      context_rank(at[static_cast<std::size_t>(Degree::context)]) {
  const RowPositions own = sample_positions(context_rank);
  for (std::int64_t sample = 0; sample < samples; ++sample) positions.insert(positions.end(), own.begin(), own.end());
}

RowPositions RankShape::sample_positions(std::int64_t of_context_rank) const {
  // Of context rank c the c-th piece from the front and the c-th from the end, so that causal work is even.
  RowPositions out;
  const std::int64_t c = of_context_rank, pieces = 2 * context, front = sample_tokens / 2;
  for (std::int64_t i = 0; i < sample_tokens; ++i)
    out.push_back(context == 1 ? i : i < front ? c * front + i : (pieces - 1 - c) * front + i - front);
  return out;
}

std::vector<std::int64_t> RankShape::piece_rows(std::int64_t i, std::int64_t pieces) const {
  std::vector<std::int64_t> rows;
  const std::int64_t ranks = split_tokens ? tensor : 1, each = tokens / ranks, count = each / pieces;
  for (std::int64_t r = 0; r < ranks; ++r)
    for (std::int64_t k = 0; k < count; ++k) rows.push_back(r * each + i * count + k);
  return rows;
}

}  // namespace rehearse
