// What PyTorch's two ways to hold memory share: sizes, a pool of small blocks and one of large ones, best fit, and
// another try once the cache is given back. Names in brackets are those of c10/cuda/CUDACachingAllocator.cpp. Private
// to workloads/memory.
#pragma once

#include <array>

#include "workloads/memory/address_space.hpp"
#include "workloads/memory/allocator.hpp"

namespace rehearse {

constexpr Bytes mebibytes(std::int64_t n) { return Bytes(n << 20); }

inline constexpr Bytes block_unit{512};                    ///< sizes are whole numbers of it [kMinBlockSize]
inline constexpr Bytes largest_small = mebibytes(1);       ///< block of the small pool [kSmallSize]
inline constexpr Bytes small_segment = mebibytes(2);       ///< [kSmallBuffer]
inline constexpr Bytes large_segment = mebibytes(20);      ///< [kLargeBuffer]
inline constexpr Bytes smallest_alone = mebibytes(10);     ///< block that has a segment to itself [kMinLargeAlloc]
inline constexpr Bytes alone_segment_unit = mebibytes(2);  ///< of such a segment's size [kRoundLarge]

class PooledAllocator : public Allocator {
 protected:
  using Index = AddressSpace::Index;
  using State = AddressSpace::State;

  enum class Size : std::uint8_t { small, large };
  struct Pool {
    Size size;
    AddressSpace space;
  };

  using Allocator::Allocator;
  std::array<Pool, 2>& pools() { return pools_; }

 private:
  /// A free block of at least this size, now used, or none.
  virtual Index fit(Pool& pool, Bytes size) = 0;
  /// A used block of at least this size of new memory, or none where the device refuses.
  virtual Index grow(Pool& pool, Bytes size) = 0;
  /// Gives all to the device that no block is in the way of.
  virtual void give_back() = 0;
  /// Whether so much, more than nothing, beyond a block's size becomes a block of its own.
  [[nodiscard]] virtual bool splits(const Pool& pool, Bytes rest) const = 0;

  std::optional<Place> take(Bytes bytes) final;
  void give(const Place& place) final;

  std::array<Pool, 2> pools_{Pool{Size::small, {}}, Pool{Size::large, {}}};
};

}  // namespace rehearse
