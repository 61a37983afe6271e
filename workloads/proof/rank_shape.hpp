// RankShape: the sizes that one rank works with, and which tokens are its own. Private to workloads/proof.
#pragma once

#include <cstdint>
#include <vector>

#include "workloads/job_layout.hpp"
#include "workloads/proof/attention.hpp"

namespace rehearse {

/// Of one micro batch. Rows are tokens, sample after sample; with sequence parallelism tensor rank r owns the r-th part
/// of them (`local_tokens`) outside tensor-parallel regions.
struct RankShape {
  RankShape(const Model& model, const Plan& plan, const Coordinates& at);

  std::int64_t tensor, tensor_rank;
  std::int64_t samples;  ///< of a micro batch
  std::int64_t sample_tokens, tokens, local_tokens;
  std::int64_t hidden;
  AttentionShape attention;
  std::int64_t words, first_word;  ///< of the padded vocabulary
  bool split_tokens;               ///< sequence parallelism with more than one rank
  std::int64_t context, context_rank;
  RowPositions positions;  ///< of every token in its sample
  /// Of the tokens of one sample on a context rank.
  [[nodiscard]] RowPositions sample_positions(std::int64_t of_context_rank) const;

  /// Rows of piece `i` of `pieces` of a product beside which a collective runs: without sequence parallelism one after
  /// the other, with it a part of each rank's.
  [[nodiscard]] std::vector<std::int64_t> piece_rows(std::int64_t i, std::int64_t pieces) const;
  [[nodiscard]] std::int64_t first_own_row() const { return split_tokens ? tensor_rank * local_tokens : 0; }
};

}  // namespace rehearse
