// Shards: which part of each parameter a rank holds, and where in its gradient buffers. Private to workloads/proof.
#pragma once

#include <cstdint>
#include <vector>

#include "workloads/parameters.hpp"
#include "workloads/proof/tensors.hpp"

namespace rehearse {

/// A tensor as one tensor rank holds it: windows of the whole, which has `columns`, one below the other.
struct HeldTensor {
  TensorKey key;
  std::int64_t columns = 1;
  std::vector<MatrixWindow> windows;
  /// Rows that other tensor ranks hold as well: all of one that is not cut; those of KV heads that ranks share, from
  /// `shared_row` on.
  bool replicated = false;
  std::int64_t shared_row = -1;
  bool tied_copy = false;  ///< of the word embedding, in the last chunk

  [[nodiscard]] std::int64_t rows() const;
  [[nodiscard]] std::int64_t elements() const { return rows() * windows.front().columns; }
};

/// The dense tensors of a chunk that tensor rank `rank` holds, in the order in which the backward pass has them: head,
/// layers from the last, embedding; a tied embedding outermost.
std::vector<HeldTensor> held_tensors(const Model& model, const Plan& plan, std::int64_t chunk, std::int64_t rank);
/// Those of the experts of rank `expert_rank` of those that share them.
std::vector<HeldTensor> held_experts(const Model& model, const Plan& plan, std::int64_t chunk, std::int64_t rank,
                                     std::int64_t expert_rank);

/// Values of the windows as training begins.
Matrix initial_values(const HeldTensor& tensor, std::uint64_t seed);
/// The windows out of the whole. Rows beyond it, of a padded vocabulary: zeros.
Matrix cut(const HeldTensor& tensor, const Matrix& whole);

}  // namespace rehearse
