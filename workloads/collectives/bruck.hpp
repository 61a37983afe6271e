// Rotated shares, as Bruck's algorithms keep them. Private to workloads/collectives.
#pragma once

#include "workloads/collectives/collective.hpp"

namespace rehearse {

/// Behind the vector every position has its shares once more, its own first, then those of the positions after it.
class RotatedShares {
 public:
  explicit RotatedShares(const CollectiveRequest& request);
  [[nodiscard]] std::uint32_t ranks() const { return n_; }
  /// Step k joins positions 2^k apart: ceil(lg n) steps.
  [[nodiscard]] std::uint64_t steps() const;
  /// Local copies, at each position of the share of position + offset: from the vector to the rotated ones, and back.
  void copy_in(std::uint32_t offset, std::vector<Transfer>& out) const { copy(offset, true, out); }
  void copy_out(std::uint32_t offset, std::vector<Transfer>& out) const { copy(offset, false, out); }
  /// Every position hands its first shares, as many as lack, to the one 2^k before it, which keeps them from offset 2^k
  /// on; and the same backwards, added.
  void gather(std::uint64_t k, std::vector<Transfer>& out) const;
  void scatter(std::uint64_t k, std::vector<Transfer>& out) const;

 private:
  void copy(std::uint32_t offset, bool in, std::vector<Transfer>& out) const;
  /// Where the share of position + offset is in the position's rotated ones.
  [[nodiscard]] std::int64_t rotated(std::uint32_t position, std::uint32_t offset) const;

  std::uint32_t n_, channel_;
  Slice all_;
  std::int64_t base_;
};

}  // namespace rehearse
