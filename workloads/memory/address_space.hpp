// Blocks of address space and their neighbours; free blocks by size, unmapped ones by address. Private to
// workloads/memory.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <map>
#include <set>
#include <vector>

#include "engine/base/units.hpp"

namespace rehearse {

/// `n`, which is not negative, as a whole number of units.
constexpr Bytes round_down(Bytes n, Bytes unit) { return unit * (n.value() / unit.value()); }
constexpr Bytes round_up(Bytes n, Bytes unit) { return round_down(n + unit - Bytes(1), unit); }

/// Segments, which have no neighbours, cut into blocks without gaps. Neighbours that are both free, or both unmapped,
/// are always one block. Each step takes a time that grows with the logarithm of the number of blocks.
class AddressSpace {
 public:
  using Index = std::uint32_t;
  static constexpr Index none = std::numeric_limits<Index>::max();

  enum class State : std::uint8_t { used, free, unmapped };
  struct Block {
    Bytes address, size;
    Index before = none, after = none;  ///< its neighbours
    State state = State::used;
  };
  /// Order of best fit: the smallest, and of those the first.
  struct FreeBlock {
    Bytes size, address;
    Index block = none;
    friend auto operator<=>(const FreeBlock&, const FreeBlock&) = default;
  };
  using FreeBlocks = std::set<FreeBlock>;

  [[nodiscard]] const Block& operator[](Index block) const { return blocks_[block]; }
  /// The free blocks of at least this size.
  [[nodiscard]] FreeBlocks::const_iterator free_from(Bytes size) const { return free_.lower_bound({size, {}, 0}); }
  [[nodiscard]] FreeBlocks::const_iterator free_end() const { return free_.end(); }
  /// By address.
  [[nodiscard]] const std::map<Bytes, Index>& unmapped() const { return unmapped_; }
  [[nodiscard]] bool is_segment(Index block) const {
    return blocks_[block].before == none && blocks_[block].after == none;
  }

  /// A new segment beyond all others: one used block.
  Index add_segment(Bytes size);
  /// A used block that is a whole segment goes.
  void drop_segment(Index block);
  /// A free or unmapped block is used from now on.
  void lift(Index block);
  /// A used block gets another state; the block that it is then part of.
  Index place(Index block, State state);
  /// A used block keeps its first `size` bytes; the rest, which is not empty, is a used block that is returned.
  Index cut(Index block, Bytes size);

 private:
  Index add(const Block& block);
  void join(Index block);  ///< with the block after it, which goes

  std::vector<Block> blocks_;
  std::vector<Index> vacant_;  ///< of blocks_
  FreeBlocks free_;
  std::map<Bytes, Index> unmapped_;
  Bytes end_;
};

}  // namespace rehearse
