// The numbers that a collective is proven with: inputs that tell every rank and element apart, and the results.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "workloads/collectives/collective.hpp"

namespace rehearse {

/// Whole numbers, small enough that sums over 2^13 ranks are exact in a float whatever their order.
class CollectiveData {
 public:
  /// `pieces`: collective_pieces of the pattern to be carried out.
  CollectiveData(CollectiveOp op, std::uint32_t ranks, std::int64_t elements, std::vector<Slice> pieces,
                 std::uint32_t root);

  [[nodiscard]] std::uint32_t ranks() const { return ranks_; }
  /// The position's buffer as the collective begins: what is its own; not-a-number elsewhere. A switch's: zeros.
  void fill(std::uint32_t position, std::span<float> buffer) const;
  /// How many elements of the rank's result are not what they must be.
  [[nodiscard]] std::int64_t count_wrong(std::uint32_t rank, std::span<const float> buffer) const;

 private:
  CollectiveOp op_;
  std::uint32_t ranks_;
  std::int64_t elements_;
  std::vector<Slice> pieces_;
  std::uint32_t root_;
};

}  // namespace rehearse
